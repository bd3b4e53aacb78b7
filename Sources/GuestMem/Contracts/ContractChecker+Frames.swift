// ContractChecker, frames: ownership words against everything that refers to frames.

public import MMU

extension ContractChecker {
  /// Checks the metadata of every frame that was ever given out with an owner.
  @inlinable
  mutating func checkFrames(roots: [TableFrame], countedFrames: Range<UInt64>) {
    path.removeAll(keepingCapacity: true)
    let rootFrames = Set(roots.map { $0.frame })
    for root in rootFrames where linkCounts[root, default: 0] > 0 {
      report(
        .tree, TableFrame(validated: root &<< 12), level: tables.rootLevel, position: 0,
        word: linkCounts[root, default: 0], "an entry links a root")
    }
    for frame in countedFrames {
      let ownership = tables.metadata.ownership(of: frame)
      let links = linkCounts[frame] ?? 0
      let maps = mapCounts[frame] ?? 0
      let handles = context.handles[frame] ?? 0
      let isRoot = rootFrames.contains(frame)
      let state = tables.metadata.nodeState(of: frame)
      let users = links &+ maps &+ handles &+ (isRoot ? 1 : 0)
      if case .shared = ownership, links == 0, !isRoot { checkUnlinkedLock(state, frame) }
      switch ownership {
      case .invalid(let word):
        reportFrame(.frameState, frame, word: word, "no state has this word")
      case .busy:
        reportFrame(.frameState, frame, word: ownership.rawValue, "the frame is still busy")
      case .unused:
        if users > 0 {
          reportFrame(
            links > 0 || isRoot ? .nodeOwners : .frameState, frame, word: 0,
            "a free frame is referred to \(users) times")
        }
      case .unique:
        if links &+ maps > 0 || handles != 1 {
          reportFrame(
            .uniqueness, frame, word: ownership.rawValue,
            "\(handles) handles, \(maps) pages and \(links) entries refer to a unique frame")
        }
      case .shared(let count):
        guard count != users else { break }
        let isNode = state.level != nil
        guard context.completeness == .everyRoot || count < users else { break }
        if isNode && users == 0 {
          reportFrame(
            .leak, frame, word: state.rawValue,
            "a node of level \(state.level?.rawValue ?? 0) is reached from nowhere")
        } else {
          reportFrame(
            isNode ? .nodeOwners : .accounting, frame, word: count,
            "\(count) owners are counted; \(handles) handles, \(maps) pages, \(links) entries"
              + (isRoot ? " and a root" : ""))
        }
      }
      if isRoot || links > 0, maps > 0 {
        reportFrame(.frameState, frame, word: ownership.rawValue, "a node is mapped as a page")
      }
    }
  }

  /// Checks the lock of a node that no entry links and a handle may own.
  @inlinable
  mutating func checkUnlinkedLock(_ state: NodeState, _ frame: UInt64) {
    guard state.level != nil, context.completeness == .everyRoot else { return }
    if state.isLocked, !context.lockedFrames.contains(frame) {
      reportFrame(.othersUnlocked, frame, word: state.rawValue, "an unlinked node is locked")
    }
    if let problem = state.lockProblem(Configuration.nodeLock) {
      reportFrame(
        state.isLocked ? .guardRelation : .othersUnlocked, frame, word: state.rawValue, problem)
    }
  }

  @inlinable
  mutating func reportFrame(
    _ rule: ContractRule, _ frame: UInt64, word: UInt64, _ detail: @autoclosure () -> String
  ) {
    let level = tables.metadata.nodeState(of: frame).level ?? .pageTable
    violations.append(
      ContractViolation(
        rule: rule, path: [], linearAddress: 0, level: level, word: word, frame: frame,
        detail: detail()))
  }
}
