// Memory, books and files that end, counted in a process of its own.

import Glibc
import MMU
import TestHosts
import Testing

@testable import GuestMem

@Suite("Memory that nobody refers to any more goes back to the host")
struct ReturnedMemoryTests {
  /// The addresses of this process in GiB, rounded down.
  static var mappedGiB: Int {
    let line = HostText.of("/proc/self/status")?.split(separator: "\n").first {
      $0.hasPrefix("VmSize:")
    }
    let kibibytes = line?.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first
    return (kibibytes.flatMap { Int($0) } ?? 0) >> 20
  }

  /// How many of this process's open files are memory files of guests.
  static var memoryFileCount: Int { HostText.openFiles(with: "kvmpt-guest-memory").count }

  @Test("Memory, copies, books of frames and tables, round after round")
  func rounds() async {
    await #expect(processExitsWith: .success) {
      let before = Self.mappedGiB
      #expect(before > 0 || HostText.of("/proc/self/status") != nil)
      for _ in 0..<8 {
        do {
          let memory = try GuestMemory(byteCount: 64 << 30, backing: .anonymous)
          #expect(memory.view.storeWord(1, at: physical(0)))
          #expect(Self.mappedGiB >= before + 64 && Self.mappedGiB < before + 70)
        }
        #expect(Self.mappedGiB <= before + 1)
        do {
          let memory = try GuestMemory(byteCount: 64 << 30, backing: .memoryFile)
          #expect(memory.view.storeWord(2, at: physical(0)))
          #expect(Self.memoryFileCount == 1)
          let copy = try memory.privateCopy()
          #expect(copy.view.loadWord(at: physical(0)) == 2)
          #expect(Self.memoryFileCount == 1)
          #expect(Self.mappedGiB >= before + 128)
        }
        #expect(Self.mappedGiB <= before + 1 && Self.memoryFileCount == 0)
        do {
          // Sixteen bytes for each frame of 64 TiB.
          let allocator = try FrameAllocator(byteCount: 64 << 40)
          #expect(allocator.freeByteCount == 64 << 40)
          #expect(Self.mappedGiB >= before + 256)
        }
        #expect(Self.mappedGiB <= before + 1)
      }
    }
  }

  @Test("A copy of a file that can be made smaller, and what is refused")
  func copies() async {
    await #expect(processExitsWith: .success) {
      let descriptor = try ShortFileTests.file(1 << 20)
      let before = Self.mappedGiB
      for _ in 0..<8 {
        do {
          let copy = try GuestMemory(copyOf: descriptor, offset: 0, byteCount: 1 << 20)
          #expect(copy.view.readBytes(at: physical(1 << 20 - 1), count: 1) == [5])
        }
        #expect(Self.memoryFileCount == 0)
        #expect(throws: GuestMemoryError.self) {
          _ = try GuestMemory(copyOf: descriptor, offset: 4096, byteCount: 1 << 20)
        }
        #expect(throws: GuestMemoryError.self) {
          _ = try GuestMemory(byteCount: 1 << 52, backing: .memoryFile)
        }
        #expect(Self.memoryFileCount == 0 && Self.mappedGiB <= before + 1)
      }
      close(descriptor)
    }
  }

  @Test("The largest offset of a copy is 2^62, and beyond it no file is looked at")
  func offsets() throws {
    let descriptor = try ShortFileTests.file(8192)
    defer { close(descriptor) }
    for (offset, error) in [
      (4096, .fileTooShort(byteCount: 8192, needed: 12288)),
      (4097, .misalignedOffset(4097)),
      (1 << 62 - 4096, .fileTooShort(byteCount: 8192, needed: 1 << 62 + 4096)),
      (1 << 62, .fileTooShort(byteCount: 8192, needed: 1 << 62 + 8192)),
      (1 << 62 + 1, .misalignedOffset(1 << 62 + 1)),
      (1 << 62 + 4096, .misalignedOffset(1 << 62 + 4096)),
      (0 &- 4096, .misalignedOffset(0 &- 4096)),
    ] as [(UInt64, GuestMemoryError)] {
      #expect(throws: error) {
        _ = try GuestMemory(copyOf: descriptor, offset: offset, byteCount: 8192)
      }
    }
    #expect(throws: GuestMemoryError.misalignedOffset(1)) {
      _ = try GuestMemory(copyOf: -1, offset: 1, byteCount: 4096)
    }
  }
}
