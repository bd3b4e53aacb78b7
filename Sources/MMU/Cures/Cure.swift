// Cure: a change that lets an access through and was tried.

/// A change that was tried on a copy: the access comes out as wanted, and nothing else is harmed.
///
/// Harm is any other page that is lost, moved or loses a right, that gets a right which its own entry
/// does not give, and a table that becomes a user's page.
public struct Cure: Hashable, Sendable {
  /// The entries that change, from the root down.
  public let changes: [EntryChange]
  /// What changes besides the tables.
  public let processorChanges: [ProcessorChange]
  /// The byte that the access reaches, or nil where the goal was that it faults.
  public let physicalAddress: GuestPhysicalAddress?
  /// Somebody said that the page was meant, or nothing but the address or the root is found fault with.
  ///
  /// Otherwise it may be another page than was meant, however well it fits what is beside it: in a table
  /// that was shifted by an entry all pages fit each other.
  public let isPageConfirmed: Bool
  /// How many other pages get rights that their own entries give and a changed entry kept from them.
  public let openedPageCount: UInt64

  /// The question as it is after what changes besides the tables.
  public func applied(to question: AccessQuestion) -> AccessQuestion {
    var question = question
    for change in processorChanges { change.apply(to: &question) }
    return question
  }

  /// What to do, in one line.
  public var sentence: String {
    var deeds: [(deed: String, places: [String])] = []
    for change in changes {
      if let index = deeds.firstIndex(where: { $0.deed == change.deed }) {
        deeds[index].places.append(change.step.place)
      } else {
        deeds.append((change.deed, [change.step.place]))
      }
    }
    let parts =
      deeds.map { "\($0.deed) in \(Self.list($0.places))" } + processorChanges.map(\.sentence)
    return parts.joined(separator: ", and ")
  }

  private static func list(_ places: [String]) -> String {
    guard let last = places.last, places.count > 1 else { return places.first ?? "" }
    return places.dropLast().joined(separator: ", in ") + " and in " + last
  }

  /// What must be true of the page for this to be a cure, as the beginning of a sentence; nil where
  /// what stands beside says it.
  public var condition: String? {
    guard !isPageConfirmed, let physicalAddress else { return nil }
    return "if physical 0x\(String(physicalAddress.rawValue & ~0xfff, radix: 16)) was meant"
  }

  /// What came of trying it, in one line.
  public var result: String {
    var text = "tried on a copy: "
    if let physicalAddress {
      text += "the access reaches physical 0x\(String(physicalAddress.rawValue, radix: 16))"
    } else {
      text += "the access faults"
    }
    if changes.isEmpty { return text }
    switch openedPageCount {
    case 0: text += ", and no other mapping changes"
    case 1:
      text +=
        ", and 1 other page gets a right that its own entry gives; no mapping is lost or moved"
    default:
      text +=
        ", and \(openedPageCount) other pages get rights that their own entries give; no mapping is "
        + "lost or moved"
    }
    return text
  }
}

/// A change that was not tried yet.
struct ProposedCure: Hashable, Sendable {
  var changes: [EntryChange] = []
  var processorChanges: [ProcessorChange] = []

  /// Nothing is found fault with but the address that was used, or the root.
  var keepsTables: Bool {
    changes.isEmpty
      && processorChanges.allSatisfy { change in
        switch change {
        case .useAddress, .loadRoot: true
        default: false
        }
      }
  }

  /// The question as it is after the changes besides the tables.
  func applied(to question: AccessQuestion) -> AccessQuestion {
    var question = question
    for change in processorChanges { change.apply(to: &question) }
    return question
  }
}
