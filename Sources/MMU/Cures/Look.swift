// Look: what the words on the way look like, where that says more than a rule.

/// Something that is seen of the tables around an access that fails.
public enum Look: Hashable, Sendable {
  /// The entry was stored over: all its bytes are the same, as in so many words of its table.
  case overwritten(WalkStep, wordCount: Int)
  /// A large page whose address is no multiple of its size.
  case misalignedPage(WalkStep)
  /// The entry holds an address of the upper half where the physical one belongs, which would be the
  /// second value, in memory, if physical 0 were mapped where kernels map it.
  case linearAddressInEntry(WalkStep, physical: UInt64?)
  /// No entry of the table that the entry stands in is present.
  case emptyTable(WalkStep)
  /// The only present entry of the table is at another index.
  case onlyEntry(WalkStep, index: Int)
  /// The entry at another index of the table leads to what this one should, by what stands beside.
  case linkedAtOtherIndex(WalkStep, index: Int)
  /// The frame of the table is linked by another entry as well.
  case linkedTwice(WalkStep, EntryReference)
  /// What is mapped beside the address.
  case neighbours(AddressNeighbours)
  /// The page that would continue the pages beside it is mapped at this address.
  case continuationMapped(physical: UInt64, at: UInt64)
  /// The address is a physical one that is mapped at this linear address.
  case physicalAddress(mappedAt: UInt64)
  /// The address with its upper bits repeated, and how its walk ends.
  case signExtended(UInt64, Blame?)
  /// Every change that lets the access through changes other mappings as well.
  case everyCureHarms

  /// The stable name of the case.
  public var id: String {
    switch self {
    case .overwritten: "overwritten"
    case .misalignedPage: "misaligned-page"
    case .linearAddressInEntry: "linear-address-in-entry"
    case .emptyTable: "empty-table"
    case .onlyEntry: "only-entry"
    case .linkedAtOtherIndex: "linked-at-other-index"
    case .linkedTwice: "linked-twice"
    case .neighbours: "neighbours"
    case .continuationMapped: "continuation-mapped"
    case .physicalAddress: "physical-address"
    case .signExtended: "sign-extended"
    case .everyCureHarms: "every-cure-harms"
    }
  }

  /// What is seen, in one sentence without a full stop.
  public var sentence: String {
    switch self {
    case .overwritten(let step, let count):
      return "\(step.place) is \(hexadecimal(step.entry.rawValue)), all bytes the same"
        + (count > 1 ? ", as are \(count) words of its table" : "")
        + ": it was overwritten and is no entry"
    case .misalignedPage(let step):
      let frame = step.entry.tableAddress.rawValue
      let page = step.entry.pageAddress.rawValue
      return "\(hexadecimal(frame)) in \(step.place) is a multiple of 4 KiB: either the frame was "
        + "meant for a PTE, or the base of the map is \(hexadecimal(frame - page)) off; without those "
        + "bits the entry would map \(hexadecimal(page)), which is other memory"
    case .linearAddressInEntry(let step, let physical):
      let address = step.entry.rawValue & ~0xfff
      return "\(hexadecimal(address)) in \(step.place) is a linear address of the upper half, "
        + "and an entry holds a physical one"
        + (physical.map {
          ": \(hexadecimal($0)), if physical 0 is mapped at \(hexadecimal(address &- $0))"
        } ?? "")
    case .emptyTable(let step):
      return
        "no entry of the \(step.level.abbreviation) at \(table(of: step)) is present: "
        + "it was never filled, or is not the table that was meant"
    case .onlyEntry(let step, let index):
      return "the only present entry of the \(step.level.abbreviation) at \(table(of: step)) is at "
        + "index \(index), where this address needs index \(step.index)"
    case .linkedAtOtherIndex(let step, let index):
      let name = step.level.entryName
      return "\(name)[\(index)] holds what \(name)[\(step.index)] should, by the pages beside both"
    case .linkedTwice(let step, let link):
      let lower = step.level.lower ?? step.level
      return "the \(lower.abbreviation) that \(step.place) links is linked by the "
        + "\(link.level.entryName) at \(hexadecimal(link.address.rawValue)) as well"
    case .neighbours(let neighbours): return sentence(neighbours)
    case .continuationMapped(let physical, let linear):
      return "the page that would continue those beside it, physical \(hexadecimal(physical)), is "
        + "mapped at \(hexadecimal(linear)): a hole here does not guard it there"
    case .physicalAddress(let linear):
      return
        "as a physical address it is mapped at \(hexadecimal(linear)): a linear address was meant?"
    case .signExtended(let address, let blame):
      return "\(hexadecimal(address)) was meant, the address with its upper bits repeated"
        + (blame.map { "; there, \($0.sentence)" } ?? "")
    case .everyCureHarms:
      return
        "no change of these entries leaves every other mapping as it is: a table on the way is "
        + "used for other addresses too, or lets a user reach tables"
    }
  }

  private func sentence(_ neighbours: AddressNeighbours) -> String {
    var parts: [String] = []
    if let below = neighbours.below {
      let isIdentity = below.linearAddress == below.physicalAddress.rawValue
      parts.append(
        "the \(isIdentity ? "identity map" : "map") below it, \(hexadecimal(below.linearAddress)) to "
          + "\(hexadecimal(below.lastAddress)) to physical "
          + "\(hexadecimal(below.physicalAddress.rawValue)), ends at "
          + hexadecimal(below.lastAddress &+ 1))
    }
    if let above = neighbours.above {
      parts.append(
        "the next map above it begins at \(hexadecimal(above.linearAddress)), to physical "
          + hexadecimal(above.physicalAddress.rawValue))
    }
    return "nothing is mapped here: " + parts.joined(separator: "; ")
  }

  /// Where the table is that an entry stands in.
  private func table(of step: WalkStep) -> String {
    hexadecimal(step.entryAddress.rawValue & ~0xfff)
  }

  private func hexadecimal(_ number: UInt64) -> String { "0x" + String(number, radix: 16) }
}
