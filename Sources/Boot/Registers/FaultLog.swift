// FaultLog: the exceptions of a guest, read from QEMU's log of interrupts as it grows.

/// What QEMU's log (`-d int,cpu_reset`) says so far.
///
/// Source: QEMU, target/i386/tcg/seg_helper.c (do_interrupt_all) and excp_helper.c (check_exception).
package struct FaultLog: Sendable {
  /// The first exception of all and those that followed while it was delivered.
  package private(set) var firstChain: [FaultRecord] = []
  /// The last exception that was not met while another was delivered, and those that followed.
  package private(set) var lastChain: [FaultRecord] = []
  /// How many exceptions there were.
  package private(set) var count = 0
  /// How often in a row the last one was the same in everything: the instruction, the stack, the
  /// address and the error code.
  package private(set) var repetitionCount = 0
  /// The log says that there was a triple fault.
  package private(set) var hasTripleFault = false
  private var partialLine: [UInt8] = []
  private var startsChain = false
  private var isFirstOver = false

  /// A log in which nothing is written yet.
  package init() {}

  /// Reads on.
  package mutating func append(_ bytes: [UInt8]) {
    for byte in bytes {
      if byte == UInt8(ascii: "\n") {
        // Lines of registers follow each exception, and begin with their names.
        switch partialLine.first {
        case UInt8(ascii: "c")?, UInt8(ascii: "T")?, UInt8(ascii: " ")?,
          (UInt8(ascii: "0")...UInt8(ascii: "9"))?:
          read(String(decoding: partialLine, as: UTF8.self))
        default: break
        }
        partialLine.removeAll(keepingCapacity: true)
      } else if partialLine.count < 1024 {
        partialLine.append(byte)
      }
    }
  }

  private mutating func read(_ line: String) {
    if line.hasPrefix("Triple fault") { hasTripleFault = true }
    if line.hasPrefix("check_exception old: 0xffffffff") { startsChain = true }
    guard let vector = GuestRegisters.number(after: ": v=", in: line), vector < 32,
      let code = GuestRegisters.number(after: " e=", in: line),
      let cpl = GuestRegisters.number(after: " cpl=", in: line),
      let rip = GuestRegisters.number(after: " pc=", in: line),
      let stack = line.firstRange(of: " SP=")
    else { return }
    let rsp = line[stack.upperBound...].drop { $0 != ":" }.dropFirst().prefix { $0.isHexDigit }
    let record = FaultRecord(
      vector: UInt8(truncatingIfNeeded: vector), errorCode: UInt32(truncatingIfNeeded: code),
      cpl: UInt8(truncatingIfNeeded: cpl & 3), rip: rip, rsp: UInt64(rsp, radix: 16) ?? 0,
      cr2: vector == 14 ? GuestRegisters.number(after: " CR2=", in: line) : nil)
    count += 1
    if lastChain.last.map({ record.isMet(deliveringBenign: $0) }) ?? false { startsChain = false }
    if startsChain || lastChain.isEmpty {
      repetitionCount = lastChain.count == 1 && lastChain[0] == record ? repetitionCount + 1 : 0
      lastChain = []
      startsChain = false
      if !firstChain.isEmpty { isFirstOver = true }
    }
    if lastChain.count < 8 { lastChain.append(record) }
    if !isFirstOver && firstChain.count < 8 { firstChain.append(record) }
  }
}
