// BootKernelFiles: kernels in files, for runs of the program.

import Glibc
import TestKernels

@testable import kvmpt

/// The kernels that runs of `kvmpt boot` are about.
final class BootKernelFiles: Sendable {
  static let shared = BootKernelFiles()

  /// What a kernel does.
  enum Kind: String, CaseIterable {
    /// Goes on to tables of its own and reports success.
    case good
    /// R/W is missing in a PDE.
    case parent
    /// Its page-fault handler returns without a cure.
    case endless
    /// Prints a line and reports success.
    case prints
    /// Reports the first byte of the command line.
    case commandLine
    /// Reports MAXPHYADDR.
    case width
    /// Runs for ever.
    case loops
    /// Waits for an interrupt that nothing raises.
    case waits
    /// Has a PVH note, and reports the low byte of the magic number of the start information.
    case pvh
    /// Executes an instruction that a host which emulates CPL 0 lacks.
    case popcnt
  }

  private let files: [Kind: ImageBytes]

  /// A file that is removed at the end.
  final class ImageBytes: Sendable {
    let path: String

    init(_ bytes: [UInt8]) {
      path = "/tmp/kvmpt-kernel-\(UInt64.random(in: 0...UInt64.max))"
      let file = try? UnfinishedFile(path: path, mode: nil)
      try? file?.write(bytes)
      try? file?.publish()
    }

    deinit {
      // SAFETY: Swift passes a string that lives for the call and ends with a 0.
      unsafe unlink(path)
    }
  }

  /// The path of a kernel.
  subscript(kind: Kind) -> String { files[kind]?.path ?? "/no/such/kernel" }

  private init() {
    files = Dictionary(
      uniqueKeysWithValues: Kind.allCases.map { ($0, ImageBytes(Self.bytes($0).file)) })
  }

  private static func bytes(_ kind: Kind) -> KernelBytes {
    var kernel = TestKernel()
    switch kind {
    case .good: break
    case .parent: kernel[TestKernel.directory + 8] &= ~2
    case .endless:
      kernel.takesExceptions()
      // ADD RSP, 8; IRETQ.
      kernel.handler = { $0.emit(0x48, 0x83, 0xc4, 0x08, 0x48, 0xcf) }
      kernel[TestKernel.dataPage(TestKernel.scratch)] = 0
    case .waits:
      // STI; HLT; and again.
      kernel.after = { $0.emit(0xfb, 0xf4, 0xeb, 0xfd) }
    case .prints:
      kernel.after = { code in
        code.print("hello, ::world\n")
        code.succeed()
      }
    case .commandLine:
      kernel.before = { code in
        // mov rsi, [rdi + 24]; mov al, [rsi]; out 0xf4, al
        code.emit(0x48, 0x8b, 0x77, 0x18, 0x8a, 0x06, 0xe6, 0xf4)
      }
    case .width:
      // mov eax, 0x80000008; cpuid; out 0xf4, al
      kernel.before = { $0.emit(0xb8, 0x08, 0, 0, 0x80, 0x0f, 0xa2, 0xe6, 0xf4) }
    case .loops: kernel.after = { $0.emit(0xeb, 0xfe) }
    case .pvh:
      // mov eax, [rbx]; out 0xf4, al
      kernel.before = { $0.emit(0x8b, 0x03, 0xe6, 0xf4) }
      var file = kernel.bytes
      file.pvhEntry = UInt32(TestKernel.code)
      return file
    case .popcnt:
      kernel.after = { code in
        code.emit(0xf3, 0x48, 0x0f, 0xb8, 0xc0)
        code.succeed()
      }
    }
    return kernel.bytes
  }
}
