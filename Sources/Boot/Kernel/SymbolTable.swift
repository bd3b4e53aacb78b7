// SymbolTable: where the symbol table of an ELF file is.

import GuestMem
import Inspection

/// The symbol table of a file and the names that belong to it; both lie inside the file.
///
/// Source: System V ABI, chapter 4 (sections, string table, symbol table).
struct SymbolTable {
  let offset: UInt64
  let count: UInt64
  let namesOffset: UInt64
  let namesByteCount: UInt64

  private static let symbolLimit: UInt64 = 1 << 20

  /// Looks for the table; nil where the file has none, as a stripped one.
  ///
  /// - Throws: ``KernelFileError/symbolsOutsideFile(byteCount:)``,
  ///   ``KernelFileError/tooManySymbols(_:)``.
  init?(_ file: borrowing FileBytes) throws(KernelFileError) {
    guard let tableOffset = file.load(UInt64.self, at: 40),
      let headerSize = file.load(UInt16.self, at: 58), let count = file.load(UInt16.self, at: 60),
      tableOffset != 0, count > 0
    else { return nil }
    guard headerSize == 64, file.contains(tableOffset, byteCount: UInt64(count) * 64) else {
      throw .symbolsOutsideFile(byteCount: file.count)
    }
    for index in 0..<UInt64(count) {
      let place = tableOffset + index * 64
      // SHT_SYMTAB.
      guard file.load(UInt32.self, at: place + 4) == 2 else { continue }
      guard let offset = file.load(UInt64.self, at: place + 24),
        let byteCount = file.load(UInt64.self, at: place + 32),
        let link = file.load(UInt32.self, at: place + 40),
        file.contains(offset, byteCount: byteCount), link < count,
        let namesOffset = file.load(UInt64.self, at: tableOffset + UInt64(link) * 64 + 24),
        let namesByteCount = file.load(UInt64.self, at: tableOffset + UInt64(link) * 64 + 32),
        file.contains(namesOffset, byteCount: namesByteCount)
      else { throw .symbolsOutsideFile(byteCount: file.count) }
      guard byteCount / 24 <= Self.symbolLimit else { throw .tooManySymbols(byteCount / 24) }
      self.offset = offset
      self.count = byteCount / 24
      self.namesOffset = namesOffset
      self.namesByteCount = namesByteCount
      return
    }
    return nil
  }
}
