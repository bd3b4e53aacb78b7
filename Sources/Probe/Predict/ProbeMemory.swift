// ProbeMemory: guest-physical memory as the guest has it, RAM and the agent's slot.

import GuestMem
import MMU

/// The two memories of a guest: RAM from address 0 on, and the agent's slot.
struct ProbeMemory: PhysicalMemory, Sendable {
  let ram: MemoryView
  let agent: MemoryView
  /// Where the agent's slot begins.
  let agentAddress: UInt64
  /// Where the machine has no RAM below the end of it.
  let holes: [Range<UInt64>]

  init(_ machine: any Machine) {
    ram = machine.ram
    agent = machine.agent
    agentAddress = machine.agentAddress
    holes = machine.memoryHoles.filter { $0.lowerBound < machine.ram.byteCount }
  }

  @inline(__always)
  func loadWord(at address: GuestPhysicalAddress) -> UInt64? {
    if let word = ram.loadWord(at: address) {
      return holes.isEmpty || !isHole(address.rawValue) ? word : nil
    }
    guard address.rawValue >= agentAddress else { return nil }
    return agent.loadWord(at: GuestPhysicalAddress(truncating: address.rawValue - agentAddress))
  }

  func storeWord(_ value: UInt64, at address: GuestPhysicalAddress) {
    if ram.storeWord(value, at: address) { return }
    guard address.rawValue >= agentAddress else { return }
    agent.storeWord(value, at: GuestPhysicalAddress(truncating: address.rawValue - agentAddress))
  }

  /// The 512 words of the table at `frame`; zeros where no memory is.
  func tableWords(at frame: UInt64) -> [UInt64] {
    let words =
      ram.readWords(at: GuestPhysicalAddress(truncating: frame), count: 512)
      ?? agent.readWords(at: GuestPhysicalAddress(truncating: frame &- agentAddress), count: 512)
    return words ?? [UInt64](repeating: 0, count: 512)
  }

  /// Writes the 512 words of the table at `frame`.
  func writeTable(_ words: ArraySlice<UInt64>, at frame: UInt64) {
    if ram.writeWords(words, at: GuestPhysicalAddress(truncating: frame)) { return }
    agent.writeWords(words, at: GuestPhysicalAddress(truncating: frame &- agentAddress))
  }

  private func isHole(_ address: UInt64) -> Bool { holes.contains { $0.contains(address) } }

  /// What is behind a physical address.
  func kind(of address: UInt64) -> MemoryKind {
    if address < ram.byteCount { return isHole(address) ? .none : .ram }
    if address >= agentAddress, address - agentAddress < agent.byteCount { return .agent }
    return .none
  }
}

/// What is behind a physical address.
enum MemoryKind: Sendable { case ram, agent, none }
