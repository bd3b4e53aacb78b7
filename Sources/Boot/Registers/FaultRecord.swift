// FaultRecord: an exception as the machine itself told of it.

package import MMU

/// One exception that a processor met.
package struct FaultRecord: Hashable, Sendable {
  /// The vector, 0 to 31.
  package var vector: UInt8
  /// The error code; 0 where the vector has none.
  package var errorCode: UInt32
  /// The CPL at which it happened.
  package var cpl: UInt8
  /// The address of the instruction.
  package var rip: UInt64
  /// RSP at that moment.
  package var rsp: UInt64
  /// CR2, for a page fault.
  package var cr2: UInt64?

  /// Takes the values as they are.
  package init(
    vector: UInt8, errorCode: UInt32, cpl: UInt8, rip: UInt64, rsp: UInt64, cr2: UInt64?
  ) {
    self.vector = vector
    self.errorCode = errorCode
    self.cpl = cpl
    self.rip = rip
    self.rsp = rsp
    self.cr2 = cr2
  }

  /// True for an exception that came while `other`, a benign one, was delivered; of the others the machine
  /// says so itself.
  ///
  /// The instruction and the stack are those of the other one, and the error code says that it is about
  /// the IDT, or a page fault came there.
  ///
  /// Source: Intel SDM volume 3A, table 7-5 (benign exceptions) and section 7.13 (error code).
  func isMet(deliveringBenign other: FaultRecord) -> Bool {
    guard ![0, 8, 10, 11, 12, 13, 14, 20, 21].contains(other.vector), rip == other.rip,
      rsp == other.rsp
    else { return false }
    return vector == 14 || (10...13).contains(vector) && errorCode & 2 != 0
  }

  /// The access that faulted, for a page fault.
  ///
  /// A processor reports fetches only with IA32_EFER.NXE or CR4.SMEP on; a fault at RIP itself is taken
  /// for a fetch, too.
  package var accessKind: AccessKind {
    let code = PageFaultErrorCode(rawValue: errorCode)
    if code.contains(.write) { return .write }
    return code.contains(.instructionFetch) || cr2 == rip ? .fetch : .read
  }
}

/// The vectors of exceptions.
///
/// Source: Intel SDM volume 3A, table 7-1.
package enum ExceptionVector {
  /// The mnemonic with `#`, such as `#PF`; the number where there is none.
  package static func name(_ vector: UInt8) -> String {
    let names: [UInt8: String] = [
      0: "#DE", 1: "#DB", 2: "NMI", 3: "#BP", 4: "#OF", 5: "#BR", 6: "#UD", 7: "#NM", 8: "#DF",
      10: "#TS", 11: "#NP", 12: "#SS", 13: "#GP", 14: "#PF", 16: "#MF", 17: "#AC", 18: "#MC",
      19: "#XM", 20: "#VE", 21: "#CP",
    ]
    return names[vector] ?? "vector \(vector)"
  }
}
