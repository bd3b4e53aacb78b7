// The entries of `expect`.

import MMU
import Probe

extension AddressSpaceDecoder {
  /// The expectation, or nil when one of its values could not be read.
  func decodeExpectation(_ fields: inout FieldReader) -> Expectation? {
    if fields.isIncomplete { return nil }
    var address: UInt64?
    if fields.requiredNode("address", example: "0x20_0000") != nil {
      // It may be non-canonical: that is something to expect a fault from.
      address = fields.number("address", allowsUnit: true)
    }
    var access: AccessKind?
    if fields.requiredNode("access", example: "read") != nil {
      access = fields.word("access", AccessKind.allCases.map { ($0.label, $0) })
    }
    var privilege: PrivilegeLevel?
    if fields.requiredNode("cpl", example: "0") != nil {
      privilege = fields.word("cpl", [("0", .supervisor), ("3", .user)])
    }
    var outcome: ExpectedOutcome?
    if fields.requiredNode("outcome", example: "fault") != nil {
      outcome = decodeOutcome(&fields)
    }
    guard !fields.isIncomplete, let address, let access, let privilege, let outcome else {
      return nil
    }
    return Expectation(
      linearAddress: address, access: access, privilege: privilege, outcome: outcome)
  }

  private func decodeOutcome(_ fields: inout FieldReader) -> ExpectedOutcome? {
    let choices = [("success", true), ("fault", false)]
    guard let succeeds = fields.word("outcome", choices) else { return nil }
    if succeeds {
      if fields.has("error-code") {
        fields.report(
          "contradictory-expectation", at: "error-code", "a success has no error code",
          hint: "expect a fault, or remove the error code")
      }
      let address = fields.has("physical") ? physicalAddress("physical", in: &fields) : nil
      return .success(address)
    }
    if fields.has("physical") {
      fields.report(
        "contradictory-expectation", at: "physical", "a fault reaches no physical address",
        hint: "expect a success, or remove the physical address")
    }
    let code = fields.number("error-code", maximum: UInt64(UInt32.max))
    return .fault(errorCode: code.map { UInt32(truncatingIfNeeded: $0) })
  }
}
