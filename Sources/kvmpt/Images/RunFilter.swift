// RunFilter: which mappings of a listing are of interest, in the words of gdb-pt-dump.

import ArgumentParser
import GuestMem
import Inspection
import MMU

/// One word of a filter; all words of a filter must hold.
enum FilterWord: Hashable, Sendable {
  case writable, notWritable, executable, notExecutable, user, supervisor
  /// Neither writable nor executable.
  case readOnly
  case global, notGlobal
  case memoryType(MemoryType)
  case size(PageSize)
  case restricted
  case has(UInt64)
  case before(UInt64)
  case after(UInt64)
  case range(UInt64, UInt64)

  static let plain: [(String, FilterWord)] = [
    ("w", .writable), ("_w", .notWritable), ("x", .executable), ("_x", .notExecutable),
    ("u", .user), ("s", .supervisor), ("ro", .readOnly), ("g", .global), ("_g", .notGlobal),
    ("wb", .memoryType(.writeBack)), ("wt", .memoryType(.writeThrough)),
    ("uc", .memoryType(.uncacheable)), ("uc-", .memoryType(.uncachedMinus)),
    ("wc", .memoryType(.writeCombining)), ("wp", .memoryType(.writeProtected)),
    ("4k", .size(.size4KiB)), ("2m", .size(.size2MiB)), ("1g", .size(.size1GiB)),
    ("restricted", .restricted),
  ]

  /// The word depends on IA32_PAT.
  var isAboutMemoryType: Bool {
    if case .memoryType = self { return true }
    return false
  }

  init?(_ text: Substring) {
    if let word = Self.plain.first(where: { $0.0 == text })?.1 {
      self = word
      return
    }
    let parts = text.split(separator: ":", maxSplits: 1)
    guard parts.count == 2 else { return nil }
    func number(_ text: Substring) -> UInt64? {
      try? NumberText.parse(String(text), allowsUnit: false)
    }
    switch parts[0] {
    case "has": self.init(number(parts[1]).map(FilterWord.has))
    case "before": self.init(number(parts[1]).map(FilterWord.before))
    case "after": self.init(number(parts[1]).map(FilterWord.after))
    case "range":
      let ends = parts[1].split(separator: "-")
      guard ends.count == 2, let first = number(ends[0]), let last = number(ends[1]), first <= last
      else { return nil }
      self = .range(first, last)
    default: return nil
    }
  }

  private init?(_ word: FilterWord?) {
    guard let word else { return nil }
    self = word
  }

  func holds(for run: MappedRun, pat: PATArgument) -> Bool {
    switch self {
    case .writable: run.isWritable
    case .notWritable: !run.isWritable
    case .executable: run.isExecutable
    case .notExecutable: !run.isExecutable
    case .user: run.isUser
    case .supervisor: !run.isUser
    case .readOnly: !run.isWritable && !run.isExecutable
    case .global: run.leaf.isGlobal
    case .notGlobal: !run.leaf.isGlobal
    case .memoryType(let type): pat.type(at: run.leaf.patIndex) == type
    case .size(let size): run.pageSize == size
    case .restricted: run.isRestrictedByParent
    case .has(let address): run.linearAddress <= address && address <= run.lastAddress
    case .before(let address): run.linearAddress < address
    case .after(let address): run.lastAddress > address
    case .range(let first, let last): run.linearAddress <= last && run.lastAddress >= first
    }
  }
}

/// Comma-separated words of a filter on the command line.
struct FilterArgument: ExpressibleByArgument, Sendable {
  let words: [FilterWord]

  init?(argument: String) {
    var words: [FilterWord] = []
    for part in argument.split(separator: ",") {
      guard let word = FilterWord(part) else { return nil }
      words.append(word)
    }
    guard !words.isEmpty else { return nil }
    self.words = words
  }

  static let help: ArgumentHelp = ArgumentHelp(
    "Only mappings for which all of these words hold, separated by commas.",
    discussion: "Words: "
      + FilterWord.plain.map(\.0).joined(separator: ", ")
      + ", has:ADDRESS, before:ADDRESS, after:ADDRESS, range:FIRST-LAST.",
    valueName: "words")
}
