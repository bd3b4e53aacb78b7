// ProbeVerdict: the three answers about one probe, and which of them disagree.

public import MMU

/// Which pairs of answers disagree.
public struct DisagreeingPairs: OptionSet, Hashable, Sendable {
  /// One bit per pair.
  public let rawValue: UInt8

  /// Takes the bits as they are.
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// What was asked for is not what the bytes mean: the tables are wrong.
  public static let askedModelled = DisagreeingPairs(rawValue: 1)
  /// What was asked for is not what the machine did.
  public static let askedExecuted = DisagreeingPairs(rawValue: 2)
  /// The machine did not do what the manual says about the bytes.
  public static let modelledExecuted = DisagreeingPairs(rawValue: 4)

  /// The stable names of the pairs.
  public var ids: [String] {
    var ids: [String] = []
    if contains(.askedModelled) { ids.append("asked-modelled") }
    if contains(.askedExecuted) { ids.append("asked-executed") }
    if contains(.modelledExecuted) { ids.append("modelled-executed") }
    return ids
  }
}

/// The three answers about one probe.
public struct ProbeVerdict: Hashable, Sendable {
  /// The page that was probed.
  public let page: ProbePage
  /// How it was used.
  public let manner: ProbeManner
  /// The exact linear address of the access.
  public let address: UInt64
  /// What was asked for.
  public let asked: AskedAnswer
  /// What the manual says about the bytes.
  public let modelled: AccessOutcome
  /// What the machine did.
  public let executed: ProbeOutcome
  /// Which of the three disagree; empty when they all agree.
  public let disagreements: DisagreeingPairs
  /// The machine's deviation that explains what it did, whether it differs from the model or not.
  public let deviation: Deviation?
  /// The name of the machine that was asked, in verdicts that a report keeps.
  public internal(set) var machine: String?

  /// Compares three answers; `subject` is asked for only where a rule may be about it.
  init(
    page: ProbePage, manner: ProbeManner, address: UInt64, asked: AskedAnswer,
    modelled: AccessOutcome, executed: ProbeOutcome, deviations: [Deviation],
    rootLevel: Level, subject: () -> DeviationSubject
  ) {
    self.page = page
    self.manner = manner
    self.address = address
    self.asked = asked
    self.modelled = modelled
    self.executed = executed
    var pairs: DisagreeingPairs = []
    if !asked.agrees(with: modelled) { pairs.insert(.askedModelled) }
    switch executed {
    case .notRun, .lost:
      // There is no third answer.
      deviation = nil
      disagreements = pairs
      return
    case .success, .pageFault, .exception: break
    }
    let isFollowed = modelled.agrees(with: executed, address: address)
    // Even where it agrees: what the machine would have done whatever the tables say proves nothing.
    let rootIndex = DeviationSubject.rootIndex(of: address, rootLevel: rootLevel)
    var known: DeviationSubject?
    let explanation = deviations.first { deviation in
      guard !isFollowed || deviation.effect.hidesTables,
        deviation.couldBeAbout(manner, rootIndex: rootIndex)
      else { return false }
      let about = known ?? subject()
      known = about
      return deviation.explains(executed, insteadOf: modelled, at: address, about)
    }
    if explanation == nil && !isFollowed { pairs.insert(.modelledExecuted) }
    // A deviation of the machine is not held against the tables.
    if explanation == nil && !asked.agrees(with: executed) { pairs.insert(.askedExecuted) }
    deviation = explanation
    disagreements = pairs
  }

  /// The linear address that was asked about; in another byte of the page than ``address`` where
  /// the frame can only answer elsewhere.
  public var askedAddress: UInt64 {
    page.offset.map { page.linearAddress | UInt64($0) } ?? address
  }

  /// True when the guest did not survive, so that there is no third answer.
  public var isUndecided: Bool {
    if case .lost = executed { return true }
    return false
  }
}

extension AskedAnswer {
  func agrees(with modelled: AccessOutcome) -> Bool {
    switch (self, modelled) {
    case (.allowed(let page), .success(let address)): address.rawValue & ~0xfff == page
    case (.forbidden, .pageFault(let code)): code.contains(.present)
    case (.absent, .pageFault(let code)): !code.contains(.present)
    case (.absent, .generalProtection), (.absent, .stackFault), (.unsaid, _): true
    case (.allowedByLeaf(let page), .success(let address)):
      page == nil || address.rawValue & ~0xfff == page
    case (.allowedByLeaf, .pageFault(let code)):
      code.contains(.present) && !code.contains(.reserved)
    case (.expected(.success(nil)), .success): true
    case (.expected(.success(let expected?)), .success(let address)):
      expected.rawValue & ~0xfff == address.rawValue & ~0xfff
    case (.expected(.fault(nil)), .pageFault), (.expected(.fault(nil)), .generalProtection),
      (.expected(.fault(nil)), .stackFault):
      true
    case (.expected(.fault(let expected?)), .pageFault(let code)): code.rawValue == expected
    default: false
    }
  }

  func agrees(with executed: ProbeOutcome) -> Bool {
    switch (self, executed) {
    case (.allowed(let page), .success(.page(let reached))): page == reached
    case (.allowed, .success(.notObserved)): true
    case (.forbidden, .pageFault(let code, _)): code & 1 != 0
    case (.absent, .pageFault(let code, _)): code & 1 == 0
    case (.absent, .exception(let vector, _)): vector == 13 || vector == 12
    case (.unsaid, _), (.allowedByLeaf, .success(.notObserved)): true
    case (.allowedByLeaf(let page), .success(.page(let reached))): page == nil || page == reached
    case (.allowedByLeaf, .pageFault(let code, _)): code & 0b1001 == 1
    case (.expected(.success(nil)), .success): true
    case (.expected(.success(let expected?)), .success(.page(let reached))):
      expected.rawValue & ~0xfff == reached
    case (.expected(.success), .success(.notObserved)): true
    case (.expected(.fault(nil)), .pageFault), (.expected(.fault(nil)), .exception): true
    case (.expected(.fault(let expected?)), .pageFault(let code, _)): code == expected
    default: false
    }
  }
}

extension AccessOutcome {
  /// Compares the model with the machine; CR2 must hold the address of the access.
  ///
  /// Source: Intel SDM volume 3A, section 5.7 (CR2 holds the faulting linear address).
  func agrees(with executed: ProbeOutcome, address probed: UInt64) -> Bool {
    switch (self, executed) {
    case (.success(let address), .success(.page(let reached))):
      address.rawValue & ~0xfff == reached
    case (.success, .success(.notObserved)): true
    case (.pageFault(let code), .pageFault(let errorCode, let cr2)):
      code.rawValue == errorCode && cr2 == probed
    case (.generalProtection, .exception(let vector, let errorCode)):
      vector == 13 && errorCode == 0
    case (.stackFault, .exception(let vector, let errorCode)): vector == 12 && errorCode == 0
    default: false
    }
  }
}
