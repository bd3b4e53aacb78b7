// A kernel's ELF file is read field by field, and no field is believed.

import GuestMem
import TestKernels
import TestSupport
import Testing

@testable import Boot

@Suite("A kernel's file is read, or refused with the reason")
struct KernelFileTests {
  private static let good: KernelBytes = {
    var kernel = TestKernel()
    kernel.takesExceptions()
    return kernel.bytes
  }()

  private func read(_ change: (inout [UInt8]) -> Void) throws(KernelFileError) -> KernelFile {
    var bytes = Self.good.file
    change(&bytes)
    return try KernelFile(bytes: bytes)
  }

  /// The name of the error that a change of the file brings; `nil` for none.
  private func problem(_ change: (inout [UInt8]) -> Void) -> String? {
    do throws(KernelFileError) {
      _ = try read(change)
      return nil
    } catch {
      #expect(!error.message.isEmpty && !error.hint.isEmpty)
      return error.id
    }
  }

  @Test("Segments, entry and symbols are those of the file")
  func fields() throws {
    let kernel = try read { _ in }
    #expect(kernel.entry == TestKernel.code)
    #expect(kernel.pvhEntry == nil)
    #expect(kernel.segments.map(\.linearAddress) == [TestKernel.code, TestKernel.root])
    #expect(kernel.segments.map(\.rights) == ["r-x", "rw-"])
    #expect(kernel.segments.map(\.byteCount) == Self.good.segments.map(\.memoryByteCount))
    let segment = kernel.segments[0]
    #expect(
      try kernel.bytes(at: segment.fileOffset, count: segment.fileByteCount)
        == Self.good.segments[0].bytes)
  }

  @Test("An address has the name of the symbol whose size reaches it")
  func symbols() throws {
    let kernel = try read { _ in }
    for symbol in Self.good.symbols {
      #expect(kernel.symbol(at: symbol.value)?.name == symbol.name)
    }
    let root = try #require(Self.good.symbols.first { $0.name == "load_root" })
    #expect(
      kernel.symbol(at: root.value + 12) == SymbolPlace(name: "load_root", offset: 12))
    #expect(kernel.symbol(at: TestKernel.code - 1) == nil)
    #expect(kernel.symbol(at: TestKernel.root) == nil)
    #expect(
      "\(SymbolPlace(name: "f", offset: 0)) \(SymbolPlace(name: "f", offset: 18))" == "f f+0x12")
  }

  @Test("The PVH note is found")
  func note() throws {
    var file = Self.good
    file.pvhEntry = 0x10_0000
    #expect(try KernelFile(bytes: file.file).pvhEntry == 0x10_0000)
  }

  @Test(
    "Each wrong field is named",
    arguments: [
      (0, [0x7e], "not-elf"), (4, [1], "wrong-machine"), (5, [2], "wrong-machine"),
      (16, [3], "not-executable"), (18, [3], "wrong-machine"), (54, [55], "wrong-header-size"),
      (56, [0, 0], "no-segments"), (56, [0, 8], "too-many-segments"),
      (32, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "headers-outside-file"),
      (40, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "symbols-outside-file"),
      // The first program header: p_offset, p_vaddr, p_filesz, p_memsz.
      (64 + 8, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "segment-outside-file"),
      (64 + 16, [0, 0, 0, 0, 0, 0x80, 0, 0], "segment-not-canonical"),
      (64 + 16, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "segment-wraps"),
      (64 + 16, [0, 0, 0x20], "segments-overlap"),
      (64 + 32, [0, 0, 0, 0xff], "segment-outside-file"),
      (64 + 40, [0, 0], "segment-sizes"),
      (64 + 40, [0, 0, 0, 0, 2], "segment-too-large"),
    ] as [(Int, [UInt8], String)])
  func wrongField(_ offset: Int, _ values: [UInt8], _ id: String) {
    #expect(problem { $0.replaceSubrange(offset..<offset + values.count, with: values) } == id)
  }

  @Test("A file that is cut off anywhere is refused or read, and never a trap")
  func cutOff() {
    let count = Self.good.file.count
    for length in Array(1..<240) + stride(from: 240, to: count, by: 997) {
      #expect(problem { $0.removeLast(count - length) } != nil)
    }
    #expect(problem { $0 = [] } == "empty-image")
  }

  @Test("Random damage of the headers is refused or read, and what is read stays inside the file")
  func damage() throws {
    let seed = TestSetting.seed ?? UInt64.random(in: 0...UInt64.max)
    var generator = SeededGenerator(seed: seed)
    var file = Self.good
    file.pvhEntry = 0x10_0000
    let bytes = file.file
    let sections = bytes.count - 3 * 64
    for _ in 0..<TestSetting.depth(300, full: 10_000) {
      var damaged = bytes
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let isHead = Bool.random(using: &generator)
        let place =
          isHead
          ? Int.random(in: 4..<64 + 3 * 56, using: &generator)
          : Int.random(in: sections..<bytes.count, using: &generator)
        damaged[place] = UInt8.random(in: 0...255, using: &generator)
      }
      do throws(KernelFileError) {
        let kernel = try KernelFile(bytes: damaged)
        _ = kernel.symbol(at: TestKernel.code)
        var options = BootOptions()
        options.memoryByteCount = 8 << 20
        _ = try? BootImage(kernel, options)
      } catch {
        #expect(!error.message.isEmpty && !error.hint.isEmpty, "seed \(seed)")
      }
    }
  }
}
