// RepeatedFault: whether a KVM guest comes back to one fault again and again.

import GuestMem
import MMU

/// Looks at a running guest's registers now and then.
///
/// A guest that is seen with the frame of an exception on its stack, and then at the instruction that
/// the frame names, with the stack and all other registers as they were there the time before, the same
/// CR2 and the same memory, has gone around once: nothing has changed that a processor could see, so that it
/// goes on like that for ever. A kernel that counts its faults, or mends each and faults elsewhere, is none.
struct RepeatedFault {
  private var cr2 = KVMBoot.initialCR2
  /// Where frames on the stack lead back to.
  private var origins: [Origin] = []
  /// The registers at an instruction that a frame led back to.
  private var atInstruction: [UInt64] = []
  private var rip: UInt64 = 0
  private var digest: MemoryDigest?
  private var roundCount = 0

  private struct Origin: Hashable {
    let rip: UInt64
    let rsp: UInt64
  }

  /// So many words of the stack are searched for a frame.
  private static let wordCount: UInt64 = 32

  /// How long the guest may run until the next look: often after the first page fault.
  var interval: Duration { cr2 == KVMBoot.initialCR2 ? .milliseconds(5) : .milliseconds(1) }

  /// True when the guest has been seen to go around `limit` times.
  mutating func isForEver(
    _ registers: GuestRegisters, _ guestMemory: borrowing GuestMemory, _ model: ProcessorModel,
    limit: Int
  ) -> Bool {
    let memory = guestMemory.view
    if registers.cr2 != cr2 {
      self = RepeatedFault()
      cr2 = registers.cr2
    }
    guard cr2 != KVMBoot.initialCR2, registers.isLongMode,
      let configuration = model.configuration(registers)
    else { return false }
    if origins.contains(Origin(rip: registers.rip, rsp: registers.rsp)) {
      origins = []
      let digest = MemoryDigest(guestMemory)
      if rip == registers.rip, atInstruction == registers.general, digest != nil,
        digest == self.digest
      {
        roundCount += 1
      } else {
        roundCount = 0
        rip = registers.rip
        atInstruction = registers.general
        self.digest = digest
      }
      return roundCount >= limit
    }
    let linear = LinearMemory(
      memory: memory, tables: PageTables(cr3: registers.cr3, configuration: configuration),
      mode: registers.mode)
    let words = (0..<Self.wordCount).map { linear.word(at: registers.rsp &+ $0 * 8) }
    // RIP, CS, RFLAGS, RSP. Source: Intel SDM volume 3A, section 7.14.2.
    for index in 0..<words.count - 3 {
      guard let rip = words[index], let cs = words[index + 1], cs != 0, cs < 1 << 16,
        let flags = words[index + 2], flags & 2 != 0, flags >> 22 == 0,
        let rsp = words[index + 3]
      else { continue }
      let origin = Origin(rip: rip, rsp: rsp)
      if origins.count < 8 && !origins.contains(origin) { origins.append(origin) }
    }
    return false
  }
}
