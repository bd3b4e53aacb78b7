// AddressSpaceDecoder: from YAML nodes to an address space, with every problem kept.

import MMU
import Probe

/// Turns the root node of a file into an ``AddressSpace``.
struct AddressSpaceDecoder {
  var problems: [InputProblem] = []
  var positions = AddressSpacePositions()
  private(set) var summary = ""
  /// The width that linear addresses are checked against; 57 while the levels are unknown.
  private(set) var width = LinearAddressWidth.bits48

  /// The address space with everything that could be read; mappings with problems are left out.
  mutating func decode(_ root: YAMLNode) -> AddressSpace {
    var fields = FieldReader(root, .file)
    let rootLevel = decodeLevels(&fields)
    let memory = decodeMemory(&fields)
    let name = fields.text("name", isName: true) ?? ""
    summary = fields.text("description", isName: false) ?? ""
    let mappingNodes = decodeList("mappings", in: &fields, isRequired: true)
    let expectationNodes = decodeList("expect", in: &fields, isRequired: false)
    let recursiveSlot = decodeRecursiveSlot(&fields)
    problems += fields.problems

    var space = AddressSpace(rootLevel: rootLevel, memoryByteCount: 0, mappings: [])
    space.memory = memory
    space.name = name
    if let node = fields.node("processor") { space.processor = decodeProcessor(node) }
    space.recursiveSlot = recursiveSlot
    space.mappings.reserveCapacity(mappingNodes.count)
    positions.mappings.reserveCapacity(mappingNodes.count)
    for (index, node) in mappingNodes.enumerated() {
      var mappingFields = FieldReader(node, .mapping)
      let mapping = decodeMapping(&mappingFields, number: index + 1)
      problems += mappingFields.problems
      if let mapping {
        space.mappings.append(mapping)
        positions.mappings.append(mappingFields.positions)
      }
    }
    for node in expectationNodes {
      var expectationFields = FieldReader(node, .expectation)
      let expectation = decodeExpectation(&expectationFields)
      problems += expectationFields.problems
      if let expectation {
        space.expectations.append(expectation)
        positions.expectations.append(expectationFields.positions)
      }
    }
    return space
  }

  private mutating func decodeLevels(_ fields: inout FieldReader) -> Level {
    positions.levels = fields.positions["levels"]
    guard fields.has("levels") else { return .pageMapLevel4 }
    let choices: [(String, Level)] = [("4", .pageMapLevel4), ("5", .pageMapLevel5)]
    let level = fields.word("levels", choices)
    width = level == .pageMapLevel4 ? .bits48 : .bits57
    return level ?? .pageMapLevel5
  }

  private func decodeList(
    _ key: String, in fields: inout FieldReader, isRequired: Bool
  ) -> [YAMLNode] {
    let found =
      isRequired ? fields.requiredNode(key, example: "[]") : fields.node(key)
    guard let node = found else { return [] }
    switch node.content {
    case .sequence(let nodes): return nodes
    case .empty:
      fields.report(
        "missing-value", at: key, "'\(key)' has no value", hint: "write a list, or [] for none")
    case .scalar, .mapping:
      fields.report(
        "wrong-type", at: key, "'\(key)' is a list", hint: "start each of its entries with '- '")
    }
    return []
  }

  private mutating func decodeProcessor(_ node: YAMLNode) -> ProcessorSettings {
    var settings = ProcessorSettings()
    var fields = FieldReader(node, .processor)
    settings.isNoExecuteEnabled = fields.flag("nxe") ?? settings.isNoExecuteEnabled
    for control in AccessControl.allCases {
      if control.isBit {
        guard let isSet = fields.flag(control.rawValue) else { continue }
        settings.controls[control] = isSet ? 1 : 0
      } else if let value = fields.number(control.rawValue, maximum: UInt64(UInt32.max)) {
        settings.controls[control] = UInt32(truncatingIfNeeded: value)
      }
    }
    Self.refuseWithoutEffect(settings.controls, &fields)
    problems += fields.problems
    return settings
  }

  /// Refuses what the processor ignores, unless it is what holds without being said.
  ///
  /// Source: Intel SDM volume 3A, section 5.6.1 (RFLAGS.AC counts with CR4.SMAP) and 5.6.2 (PKRU
  /// counts with CR4.PKE, IA32_PKRS with CR4.PKS).
  private static func refuseWithoutEffect(
    _ controls: AccessControls, _ fields: inout FieldReader
  ) {
    for control in AccessControl.allCases where controls[control] != 0 {
      guard let enabler = control.enabler, controls[enabler] == 0 else { continue }
      let key = control.rawValue
      let other = enabler.rawValue
      fields.report(
        "value-without-effect", at: key, "'\(key)' counts with '\(other): true' only",
        hint: "add '\(other): true', or remove '\(key)'")
    }
  }

  /// A linear address that is canonical for the levels of the file.
  func linearAddress(_ key: String, in fields: inout FieldReader) -> LinearAddress? {
    guard let number = fields.number(key, allowsUnit: true) else { return nil }
    do throws(AddressError) {
      return try LinearAddress(number, width: width)
    } catch {
      let problem = AddressSpaceProblem.notCanonical(
        mapping: 0, linearAddress: number, width: width)
      fields.report(problem.id, at: key, problem.message, hint: problem.hint)
      return nil
    }
  }

  /// A guest-physical address of at most 52 bits.
  func physicalAddress(_ key: String, in fields: inout FieldReader) -> GuestPhysicalAddress? {
    guard let number = fields.number(key, allowsUnit: true) else { return nil }
    do throws(AddressError) {
      return try GuestPhysicalAddress(number)
    } catch {
      fields.report(
        error.id, at: key, "\(HexadecimalNumber(number)) is no physical address",
        hint: "physical addresses have at most 52 bits")
      return nil
    }
  }
}
