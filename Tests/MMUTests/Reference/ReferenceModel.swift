// ReferenceModel: the second opinion: walks by division, decides by looking up patterns.

extension Reference {
  /// The processor's modes at the moment of an access.
  struct Mode: Hashable {
    var user = false
    var wp = true
    var smep = false
    var smap = false
    var ac = false
    var pke = false
    var pkru: UInt32 = 0
    var pks = false
    var pkrs: UInt32 = 0
  }

  /// An access: `kind` is r, w or f; `origin` is e (explicit), s (stack) or i (implicit).
  struct Use: Hashable {
    var kind: Character
    var origin: Character = "e"
  }

  /// Where a walk came to.
  struct Path: Hashable {
    /// The level of the entry that stopped the walk or maps the page; 0 without any.
    var level = 0
    /// 0 for a page, otherwise the bits of the error code that the tables contribute, plus 256.
    var stop: UInt32 = 0
    var address: UInt64 = 0
    var writable = true
    var user = true
    var noExecute = false
    var key = 0
  }

  /// What an access comes to.
  struct Result: Hashable {
    /// The vector of the exception, 0 for none.
    var vector = 0
    var errorCode: UInt32 = 0
    var address: UInt64 = 0
    /// Bit n for the entry at level n + 1.
    var mustAccess: UInt8 = 0
    var mayAccess: UInt8 = 0
    var dirtyLevel = 0
  }
}

/// The second opinion.
struct ReferenceModel {
  let machine: Reference.Machine
  /// `[level][bit 7]`: the bits that must be zero.
  private let reserved: [[UInt64]]

  init(_ machine: Reference.Machine) {
    self.machine = machine
    reserved = (0...5).map { level in
      (0...1).map { ps in
        var mask: UInt64 = 0
        for row in Reference.reservedRows
        where row.levels.contains(level) && row.applies(machine) && (row.ps ?? ps) == ps {
          for bit in 0...63 where bit >= row.first(machine) && bit <= row.last {
            mask += mask >> UInt64(bit) & 1 == 0 ? 1 << UInt64(bit) : 0
          }
        }
        return mask
      }
    }
  }

  func reservedMask(_ word: UInt64, level: Int) -> UInt64 {
    reserved[level][Int(word / 128 % 2)]
  }

  func walk(_ linear: UInt64, cr3: UInt64, read: (UInt64) -> UInt64?) -> Reference.Path {
    var path = Reference.Path()
    let top = machine.levels == 5 ? linear >> 56 : linear >> 47
    guard top == 0 || top == (machine.levels == 5 ? 0xff : 0x1ffff) else { return path }
    var table = cr3 / 4096 % (1 << 40) * 4096
    var span: UInt64 = machine.levels == 5 ? 1 << 48 : 1 << 39
    path.level = machine.levels
    while true {
      let word = read(table + linear / span % 512 * 8) ?? 0
      if word % 2 == 0 {
        path.stop = 256
        return path
      }
      if word & reservedMask(word, level: path.level) != 0 {
        path.stop = 256 + 9
        return path
      }
      if word / 2 % 2 == 0 { path.writable = false }
      if word / 4 % 2 == 0 { path.user = false }
      if word / (1 << 63) == 1 { path.noExecute = true }
      let field = word % (1 << 52)
      if path.level == 1 || (path.level < 4 && word / 128 % 2 == 1) {
        path.address = field / span * span + linear % span
        path.key = Int(word / (1 << 59) % 16)
        return path
      }
      table = field / 4096 * 4096
      span /= 512
      path.level -= 1
    }
  }

  func result(
    _ path: Reference.Path, _ use: Reference.Use, _ mode: Reference.Mode
  ) -> Reference.Result {
    var result = Reference.Result()
    let isImplicit = use.origin == "i" && use.kind != "f"
    if path.level == 0 {
      result.vector = use.origin == "s" && use.kind != "f" ? 12 : 13
      return result
    }
    let above = UInt8(truncatingIfNeeded: (1 << machine.levels) - (1 << path.level))
    let isUser = mode.user && !isImplicit
    var code: UInt32 = 0
    if use.kind == "w" { code += 2 }
    if isUser { code += 4 }
    if use.kind == "f" && (machine.nxe || mode.smep) { code += 16 }
    if path.stop != 0 {
      result.vector = 14
      result.errorCode = code + path.stop - 256
      result.mayAccess = above
      return result
    }
    let kind = use.kind == "r" ? 0 : use.kind == "w" ? 1 : 2
    var column = kind
    column = column * 2 + (isUser ? 1 : 0)
    column = column * 2 + (path.user ? 1 : 0)
    column = column * 2 + (path.writable ? 1 : 0)
    column = column * 2 + (path.noExecute ? 1 : 0)
    column = column * 2 + (mode.wp ? 1 : 0)
    column = column * 2 + (mode.smep ? 1 : 0)
    column = column * 2 + (mode.smap ? 1 : 0)
    column = column * 2 + (mode.ac ? 1 : 0)
    column = column * 2 + (isImplicit ? 1 : 0)
    let faults = PatternTable.faults[column]
    let isKeyOn = path.user ? mode.pke : mode.pks
    let disabled = (path.user ? mode.pkru : mode.pkrs) >> UInt32(2 * path.key)
    var keyColumn = kind
    keyColumn = keyColumn * 2 + (isUser ? 1 : 0)
    keyColumn = keyColumn * 2 + (disabled % 2 == 1 ? 1 : 0)
    keyColumn = keyColumn * 2 + (disabled / 2 % 2 == 1 ? 1 : 0)
    keyColumn = keyColumn * 2 + (mode.wp ? 1 : 0)
    let keyFaults = isKeyOn && PatternTable.keys[keyColumn]
    if faults || keyFaults {
      result.vector = 14
      result.errorCode = code + 1 + (keyFaults ? 32 : 0)
      result.mayAccess = above
      return result
    }
    result.address = path.address
    result.mustAccess = above + 1 << UInt8(path.level - 1)
    result.dirtyLevel = use.kind == "w" ? path.level : 0
    return result
  }
}

/// Patterns, written out for every combination of their columns.
enum PatternTable {
  /// Columns after the kind: their letter for false and for true.
  static let faults = expand(
    Reference.faultPatterns, columns: ["su", "su", "01", "01", "01", "01", "01", "01", "ei"])
  static let keys = expand(Reference.keyPatterns, columns: ["su", "01", "01", "01"])

  private static func expand(_ patterns: [String], columns: [String]) -> [Bool] {
    (0..<3 << columns.count).map { number in
      let kind = Array("rwf")[number >> columns.count]
      let letters = columns.enumerated().map { place, pair in
        Array(pair)[number >> (columns.count - 1 - place) & 1]
      }
      return patterns.contains { pattern in
        zip(pattern, [kind] + letters).allSatisfy { $0 == "*" || $0 == $1 }
      }
    }
  }
}
