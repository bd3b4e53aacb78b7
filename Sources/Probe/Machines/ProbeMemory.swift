// ProbeMemory: guest-physical memory as the guest has it, RAM and the agent's slot.

import GuestMem
import MMU

/// The two memories of a guest: RAM, which may have holes, and the agent's slot.
struct ProbeMemory: PhysicalMemory, Sendable {
  /// The window on RAM.
  let ram: MemoryView
  /// Where in guest-physical memory the window's parts are.
  let ranges: [MachineMemoryRange]
  let agent: MemoryView?
  /// Where the agent's slot begins.
  let agentAddress: UInt64
  /// An offset in the window is a guest-physical address.
  private let isPlain: Bool

  /// The memory of `machine`, whose RAM is in `ranges`, or without them from address 0 on.
  init(_ machine: any Machine, ranges: [MachineMemoryRange]? = nil) {
    let given =
      ranges
      ?? [MachineMemoryRange(physicalAddress: 0, byteCount: machine.ram.byteCount, offset: 0)]
    self.init(
      ram: machine.ram, ranges: given.without(machine.memoryHoles), agent: machine.agent,
      agentAddress: machine.agentAddress)
  }

  /// RAM in `ranges`, or without them from address 0 on.
  init(
    ram: MemoryView, ranges: [MachineMemoryRange]? = nil, agent: MemoryView?,
    agentAddress: UInt64
  ) {
    self.ram = ram
    self.ranges =
      ranges ?? [MachineMemoryRange(physicalAddress: 0, byteCount: ram.byteCount, offset: 0)]
    self.agent = agent
    self.agentAddress = agentAddress
    isPlain = self.ranges.isPlain
  }

  /// Where a physical address stands in the window on RAM, or nil where RAM is not.
  @inline(__always)
  func offset(of address: UInt64) -> UInt64? {
    if isPlain { return address < ram.byteCount ? address : nil }
    guard let range = ranges.range(at: address) else { return nil }
    return range.offset &+ (address &- range.physicalAddress)
  }

  @inline(__always)
  func loadWord(at address: GuestPhysicalAddress) -> UInt64? {
    if let offset = offset(of: address.rawValue) {
      return ram.loadWord(at: GuestPhysicalAddress(truncating: offset))
    }
    guard address.rawValue >= agentAddress else { return nil }
    return agent?.loadWord(at: GuestPhysicalAddress(truncating: address.rawValue - agentAddress))
  }

  func storeWord(_ value: UInt64, at address: GuestPhysicalAddress) {
    if let offset = offset(of: address.rawValue) {
      ram.storeWord(value, at: GuestPhysicalAddress(truncating: offset))
    } else if address.rawValue >= agentAddress {
      agent?.storeWord(
        value, at: GuestPhysicalAddress(truncating: address.rawValue - agentAddress))
    }
  }

  /// The 512 words of the table at `frame`; zeros where no memory is.
  func tableWords(at frame: UInt64) -> [UInt64] {
    let words: [UInt64]?
    if let offset = offset(of: frame) {
      words = ram.readWords(at: GuestPhysicalAddress(truncating: offset), count: 512)
    } else {
      words = agent?.readWords(
        at: GuestPhysicalAddress(truncating: frame &- agentAddress), count: 512)
    }
    return words ?? [UInt64](repeating: 0, count: 512)
  }

  /// Writes the 512 words of the table at `frame`.
  func writeTable(_ words: ArraySlice<UInt64>, at frame: UInt64) {
    if let offset = offset(of: frame) {
      ram.writeWords(words, at: GuestPhysicalAddress(truncating: offset))
    } else {
      agent?.writeWords(words, at: GuestPhysicalAddress(truncating: frame &- agentAddress))
    }
  }

  /// What is behind a physical address.
  func kind(of address: UInt64) -> MemoryKind {
    if offset(of: address) != nil { return .ram }
    if let agent, address >= agentAddress, address - agentAddress < agent.byteCount {
      return .agent
    }
    return .none
  }
}

/// What is behind a physical address.
enum MemoryKind: Sendable { case ram, agent, none }
