// RegisterValues: registers that count in place of those of an image.

/// Registers that somebody gave in place of those of an image; nil where nobody did.
struct RegisterValues {
  var isWriteProtectEnabled: Bool?
  var isSMEPEnabled: Bool?
  var isSMAPEnabled: Bool?
  var isPKEEnabled: Bool?
  var pkru: UInt64?
}
