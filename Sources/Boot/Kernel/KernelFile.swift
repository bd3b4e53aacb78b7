// KernelFile: an ELF64 kernel as its headers describe it, read with every number in doubt.

import GuestMem
import Inspection

/// A kernel in an ELF64 executable file.
///
/// Source: System V ABI, chapters 4 and 5 (ELF header, program header, note section).
package struct KernelFile: ~Copyable {
  /// What is loaded, in the order of the program headers; none of them is empty.
  package let segments: [KernelSegment]
  /// The ELF entry, a linear address.
  package let entry: UInt64
  /// The 32-bit entry of the PVH boot protocol, a physical address, where a note gives one.
  ///
  /// Source: Xen, public/elfnote.h, XEN_ELFNOTE_PHYS32_ENTRY.
  package let pvhEntry: UInt32?
  let symbolTable: SymbolTable?
  let file: FileBytes

  /// So many program headers are read.
  static let segmentLimit = 1024
  /// A segment has at most so many bytes.
  static let byteLimit: UInt64 = 1 << 32

  /// Opens the file at `path` and reads its headers.
  ///
  /// - Throws: ``KernelFileError`` when the file cannot be read or one of its headers cannot be true.
  package init(path: String) throws(KernelFileError) {
    try self.init(Self.open(path))
  }

  /// Reads `bytes` as if they were a file.
  ///
  /// - Throws: as ``init(path:)``.
  package init(bytes: [UInt8]) throws(KernelFileError) {
    try self.init(Self.copy(bytes))
  }

  private static func open(_ path: String) throws(KernelFileError) -> FileBytes {
    do throws(MemoryImageError) {
      return try FileBytes(path: path)
    } catch {
      throw .file(error)
    }
  }

  private static func copy(_ bytes: [UInt8]) throws(KernelFileError) -> FileBytes {
    do throws(MemoryImageError) {
      return try FileBytes(copying: bytes)
    } catch {
      throw .file(error)
    }
  }

  private init(_ file: consuming FileBytes) throws(KernelFileError) {
    let headers: KernelHeaders
    do throws(KernelFileError) {
      headers = try KernelHeaders(file)
    } catch {
      // Headers that were lost look like headers that are wrong.
      if let failure = file.failure { throw .file(failure) }
      throw error
    }
    segments = headers.segments
    entry = headers.entry
    pvhEntry = headers.pvhEntry
    symbolTable = headers.symbolTable
    self.file = file
  }

  /// The `count` bytes of the file from `offset` on.
  ///
  /// - Throws: ``KernelFileError/file(_:)`` when they cannot be read any more.
  package borrowing func bytes(
    at offset: UInt64, count: UInt64
  ) throws(KernelFileError) -> [UInt8] {
    let wordCount = count / 8
    guard file.contains(offset, byteCount: count) else {
      throw .headersOutsideFile(byteCount: file.count)
    }
    var words = [UInt64](repeating: 0, count: Int(wordCount))
    guard wordCount == 0 || file.load(&words, at: offset) else {
      throw .file(file.failure ?? .empty)
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Int(count))
    for word in words {
      for shift in stride(from: 0 as UInt64, to: 64, by: 8) {
        bytes.append(UInt8(truncatingIfNeeded: word >> shift))
      }
    }
    for place in wordCount * 8..<count {
      guard let byte = file.load(UInt8.self, at: offset + place) else {
        throw .file(file.failure ?? .empty)
      }
      bytes.append(byte)
    }
    return bytes
  }
}
