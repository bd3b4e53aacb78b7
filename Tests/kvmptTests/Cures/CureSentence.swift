// CureSentence: a change as a report words it, read as a person would do it.

/// What the words of a cure ask for.
struct CureSentence {
  /// What is done to a word.
  enum Deed: Equatable {
    case set(UInt64)
    case clear(UInt64)
    /// The whole word.
    case put(UInt64)
    /// Bits 51:12, or those among them that are an address.
    case putAddress(UInt64)
  }

  /// Entries, by their physical address, and what is done to each.
  private(set) var changes: [(entryAddress: UInt64, deeds: [Deed])] = []
  /// Options of kvmpt that say what changes besides the tables.
  private(set) var options: [(name: String, value: String)] = []
  /// Bits that are cleared in PKRU or IA32_PKRS, by the option that says the register.
  private(set) var clearedKeyBits: [String: UInt64] = [:]
  /// The address that is used in place of the one that was.
  private(set) var address: String?

  private static var place: Regex<(Substring, Substring)> {
    #/
    (?: ,\sand\s | \sand\s | ,\s | \s )? (?: in\s )? the\s (?: PML5E | PML4E | PDPTE | PDE | PTE )
    \sat\s0x ([0-9a-f]+) \s \( level\s\d,\sindex\s\d+ \)
    /#
  }
  private static var key: Regex<(Substring, Substring, Substring)> {
    #/
    (?: ,\sand\s )? clear\sbits?\s ([0-9:,\s]*[0-9]) \s \( [A-Za-z\s]+ \)
    \sin\s(PKRU|IA32_PKRS),\swhich\sholds\sfor\severy\spage\sof\sthe\skey
    /#
  }
  private static var bitDeed: Regex<(Substring, Substring, Substring)> {
    #/
    (?: ,\sand\s | \sand\s )? (set | clear) \sbits?\s ([0-9:,\s]*[0-9]) (?: \s \( [A-Z\/]+ \) )?
    /#
  }
  private static var addressDeed: Regex<(Substring, Substring)> {
    #/
    (?: ,\sand\s | \sand\s )? put\sthe\saddress\s0x ([0-9a-f]+)
    /#
  }
  private static var wordDeed: Regex<(Substring, Substring)> {
    #/
    (?: ,\sand\s )? put\s0x ([0-9a-f]+)
    /#
  }
  private static var root: Regex<(Substring, Substring)> {
    #/
    (?: ,\sand\s )? load\sCR3\swith\s (0x[0-9a-f]+) ,\sthe\sother\sroot\sof\sthe\spair
    /#
  }
  private static var linear: Regex<(Substring, Substring)> {
    #/
    (?: ,\sand\s )? use\s (0x[0-9a-f]+) ,\sthe\saddress\swith\sits\supper\sbits\srepeated
    /#
  }
  /// Words of a change besides the tables, and the option that makes it.
  private static let switches: [(words: String, option: String)] = [
    ("set EFLAGS.AC around the access (STAC)", "--ac"), ("set IA32_EFER.NXE", "--nxe"),
    ("use a processor that has 1 GiB pages", "--1gib-pages"),
  ]

  /// Nil where the words are no change that a person could do by them.
  init?(_ sentence: String) {
    var rest = sentence[...]
    var deeds: [Deed] = []
    var isPlaced = true
    func take(_ range: Range<Substring.Index>) { rest = rest[range.upperBound...] }
    func add(_ deed: Deed) {
      if isPlaced { deeds = [] }
      isPlaced = false
      deeds.append(deed)
    }
    while !rest.isEmpty {
      if !deeds.isEmpty, let match = rest.prefixMatch(of: Self.place) {
        changes.append((UInt64(match.1, radix: 16) ?? 0, deeds))
        isPlaced = true
        take(match.range)
      } else if let match = rest.prefixMatch(of: Self.key) {
        clearedKeyBits[match.2 == "PKRU" ? "--pkru" : "--pkrs", default: 0] |= Self.bits(match.1)
        take(match.range)
      } else if let match = rest.prefixMatch(of: Self.bitDeed) {
        let bits = Self.bits(match.2)
        add(match.1 == "set" ? .set(bits) : .clear(bits))
        take(match.range)
      } else if let match = rest.prefixMatch(of: Self.addressDeed) {
        add(.putAddress(UInt64(match.1, radix: 16) ?? 0))
        take(match.range)
      } else if let match = rest.prefixMatch(of: Self.wordDeed) {
        add(.put(UInt64(match.1, radix: 16) ?? 0))
        take(match.range)
      } else if let match = rest.prefixMatch(of: Self.root) {
        options.append(("--cr3", String(match.1)))
        take(match.range)
      } else if let match = rest.prefixMatch(of: Self.linear) {
        address = String(match.1)
        take(match.range)
      } else {
        if rest.hasPrefix(", and ") { rest = rest.dropFirst(6) }
        guard let found = Self.switches.first(where: { rest.hasPrefix($0.words) }) else {
          return nil
        }
        options.append((found.option, "on"))
        rest = rest.dropFirst(found.words.count)
      }
    }
    guard isPlaced else { return nil }
  }

  /// Bits as a list of numbers and of ranges from the higher one down.
  private static func bits(_ list: Substring) -> UInt64 {
    list.split(separator: ", ").reduce(0) { mask, part in
      let ends = part.split(separator: ":").compactMap { UInt64($0) }
      guard let high = ends.first, let low = ends.last, low <= high, high < 64 else { return mask }
      return mask | (UInt64.max >> (63 - high)) & (UInt64.max << low)
    }
  }

  /// A word after what is done to it.
  static func applied(_ deeds: [Deed], to word: UInt64) -> UInt64 {
    deeds.reduce(word) { word, deed in
      switch deed {
      case .set(let bits): word | bits
      case .clear(let bits): word & ~bits
      case .put(let word): word
      case .putAddress(let address): word & ~0x000f_ffff_ffff_f000 | address
      }
    }
  }
}
