// MachineMemoryTests: contents that outlive their owner, and ranges that are none.

import GuestMem
import MMU
import TestHosts
import Testing

@testable import Probe

@Suite("What a machine's RAM begins with is checked, and stays")
struct MachineMemoryTests {
  @Test("A copy's contents stay when their owner is gone")
  func outlivesOwner() throws {
    func contents() throws -> MachineMemory {
      let memory = try GuestMemory(byteCount: 1 << 20, backing: .memoryFile)
      memory.view.storeWord(7, at: GuestPhysicalAddress(truncating: 8))
      return MachineMemory(copyOf: memory)
    }
    let copy = try contents()
    let address = GuestPhysicalAddress(truncating: 8)
    #expect(try copy.privateCopy().view.loadWord(at: address) == 7)
    #expect(try QEMUMemory(copy, agentAddress: 1 << 30).ram.loadWord(at: address) == 7)
  }

  @Test("Memory without a file is refused when a machine is made")
  func anonymous() throws {
    let memory = MachineMemory(
      copyOf: try GuestMemory(byteCount: 1 << 20, backing: .anonymous))
    #expect(throws: MachineError.memory(.notShareable)) { _ = try memory.privateCopy() }
    #expect(throws: GuestMemoryError.notShareable) {
      _ = try QEMUMemory(memory, agentAddress: 1 << 30)
    }
  }

  @Test(
    "Ranges that are not whole pages of the memory, in order and below 2^52, are refused",
    arguments: [
      [(1 << 63, 4096, 0)], [(UInt64.max & ~4095, 4096, 0)], [(0, 1 << 63, 0)],
      [(0, 4096, 1 << 20)], [(0, 4096, UInt64.max & ~4095)], [(1, 4096, 0)], [(0, 1, 0)],
      [(0, 4096, 8)], [(8192, 4096, 0), (4096, 4096, 4096)], [(0, 8192, 0), (4096, 4096, 0)],
    ] as [[(UInt64, UInt64, UInt64)]])
  func ranges(_ ranges: [(UInt64, UInt64, UInt64)]) throws {
    let memory = MachineMemory(
      copyOf: try GuestMemory(byteCount: 1 << 20, backing: .memoryFile),
      ranges: ranges.map {
        MachineMemoryRange(physicalAddress: $0.0, byteCount: $0.1, offset: $0.2)
      })
    #expect(throws: MachineError.self) { _ = try memory.privateCopy() }
    #expect(throws: GuestMemoryError.self) {
      _ = try QEMUMemory(memory, agentAddress: 1 << 30)
    }
  }

  @Test(
    "More memory than KVM keeps books of in an eighth of the host's memory is refused",
    .enabled(if: Host.hasKVM, "needs /dev/kvm"))
  func tooMuchMemory() throws {
    let factory = try KVMMachineFactory()
    let limit = KVMMachineFactory.memoryLimit
    let memory = MachineMemory(zeroed: limit + 4096)
    #expect(throws: MachineError.tooMuchMemory(byteCount: limit + 4096, limit: limit)) {
      _ = try factory.makeMachine(memory: memory, agentAddress: limit + 1 << 30)
    }
    let error = MachineError.tooMuchMemory(byteCount: 15 << 40, limit: 1 << 40)
    #expect(error.id == "too-much-memory" && error.meansNoMachine)
    #expect(error.message.contains("15 TiB") && error.message.contains("1 TiB"))
  }

  @Test(
    "An agent's place that no memory has is refused",
    arguments: [1, 4095, 1 << 63, .max, UInt64.max & ~4095, 3 << 30] as [UInt64])
  func agent(_ address: UInt64) {
    #expect(throws: GuestMemoryError.self) {
      _ = try QEMUMemory(MachineMemory(zeroed: 1 << 20), agentAddress: address)
    }
  }

  @Test(
    "Sizes that no memory has are refused", arguments: [1, 4095, 1 << 53, .max] as [UInt64])
  func sizes(_ byteCount: UInt64) {
    #expect(throws: MachineError.self) {
      _ = try MachineMemory(zeroed: byteCount).privateCopy()
    }
    #expect(throws: GuestMemoryError.self) {
      _ = try QEMUMemory(MachineMemory(zeroed: byteCount), agentAddress: 1 << 30)
    }
  }
}
