// KernelFile, symbols: the name of an address.

import GuestMem
import Inspection

/// An address by the symbol that it belongs to.
package struct SymbolPlace: Hashable, Sendable, CustomStringConvertible {
  /// The symbol's name, as the file has it.
  package let name: String
  /// How far behind the symbol the address is, in bytes.
  package let offset: UInt64

  /// The name and the offset, such as `load_root+0x12`.
  package var description: String {
    offset == 0 ? name : name + "+0x" + String(offset, radix: 16)
  }
}

extension KernelFile {
  private static let nameLimit: UInt64 = 256

  /// The symbol that `address` belongs to: the last one at or below it whose size, if it has one,
  /// reaches the address; nil outside of the segments and without a symbol.
  ///
  /// - Complexity: O(n) in the number of symbols.
  package borrowing func symbol(at address: UInt64) -> SymbolPlace? {
    guard let table = symbolTable,
      segments.contains(where: {
        $0.linearAddress <= address && address <= $0.lastLinearAddress
      })
    else { return nil }
    var found: (value: UInt64, name: UInt32, isSized: Bool)?
    for index in 0..<table.count {
      let place = table.offset + index * 24
      // STT_NOTYPE, STT_OBJECT and STT_FUNC, defined somewhere.
      guard let information = file.load(UInt8.self, at: place + 4), information & 0xf <= 2,
        let section = file.load(UInt16.self, at: place + 6), section != 0, section != 0xfff1,
        let name = file.load(UInt32.self, at: place), name != 0,
        let value = file.load(UInt64.self, at: place + 8), value <= address,
        let size = file.load(UInt64.self, at: place + 16), size == 0 || address - value < size
      else { continue }
      // Of several at one address, one with a size says more.
      if let best = found, best.value > value || best.value == value && best.isSized { continue }
      found = (value, name, size != 0)
    }
    guard let found, let name = text(at: UInt64(found.name), of: table) else { return nil }
    return SymbolPlace(name: name, offset: address - found.value)
  }

  private borrowing func text(at place: UInt64, of table: SymbolTable) -> String? {
    guard place < table.namesByteCount else { return nil }
    var bytes: [UInt8] = []
    for index in place..<min(table.namesByteCount, place + Self.nameLimit) {
      guard let byte = file.load(UInt8.self, at: table.namesOffset + index), byte != 0 else {
        break
      }
      bytes.append(byte)
    }
    return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
  }
}
