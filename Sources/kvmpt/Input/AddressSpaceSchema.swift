// AddressSpaceSchema: the JSON Schema of address-space files, printed by `kvmpt schema`.

/// The schema: `Schemas/address-space.schema.json`, which the build puts into the program.
enum AddressSpaceSchema {
  static let text = String(decoding: PackageResources.address_space_schema_json, as: UTF8.self)
}
