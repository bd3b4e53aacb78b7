// AskedAnswer: what was asked for, about one use of one page.

import GuestMem
import MMU

/// What the address space as asked for says about an access.
public enum AskedAnswer: Hashable, Sendable {
  /// It succeeds, and reaches this physical page.
  case allowed(page: UInt64)
  /// It faults although the page is mapped.
  case forbidden
  /// It faults because nothing is mapped.
  case absent
  /// What an expectation says.
  case expected(ExpectedOutcome)
  /// The leaf allows it and leads to this page, where that is said; entries above may forbid it.
  case allowedByLeaf(page: UInt64?)
  /// Nobody said anything.
  case unsaid
}

/// Answers from the mappings alone; it knows neither tables nor entry bits.
struct AskedOracle: Sendable {
  private let space: AddressSpace
  /// Where each mapping was placed, for those that left the choice to the builder; nil where
  /// nobody knows.
  private let placements: [UInt64?]
  private let basis: AskedBasis
  /// The ranges about which nothing is said.
  private let unsaid: [AskedRange]
  /// What the recursive slot should show.
  private let recursion: AskedRecursion?
  /// The mappings by first linear address.
  private let order: [Int]

  /// Of `ranges` those count about which nothing is said.
  init(
    _ space: AddressSpace, placements: [UInt64?], basis: AskedBasis = .effective,
    ranges: [AskedRange] = [], recursion: AskedRecursion? = nil
  ) {
    self.space = space
    self.recursion = recursion
    unsaid = ranges.filter { $0.content == .unsaid }
    self.placements = placements
    self.basis = basis
    order = space.mappings.indices.sorted {
      space.mappings[$0].linearAddress < space.mappings[$1].linearAddress
    }
  }

  /// What was asked for about `page` used in `manner`.
  ///
  /// - Complexity: logarithmic in the number of mappings.
  func answer(for page: ProbePage, _ manner: ProbeManner) -> AskedAnswer {
    if case .expectation(let index) = page.subject {
      // A plan is the caller's, and may be about expectations that there are not.
      guard space.expectations.indices.contains(index) else { return .unsaid }
      return .expected(space.expectations[index].outcome)
    }
    if basis == .nothing { return .unsaid }
    guard let index = mapping(containing: page.linearAddress) else {
      if let recursion, recursion.range.contains(page.linearAddress) {
        return answer(recursion.content(at: page.linearAddress), manner)
      }
      return unsaid.contains { $0.first <= page.linearAddress && page.linearAddress <= $0.last }
        ? .unsaid : .absent
    }
    let mapping = space.mappings[index]
    if mapping.properties.rights.isEmpty { return .absent }
    guard allows(manner, mapping.properties) else { return .forbidden }
    let place = (placements.indices.contains(index) ? placements[index] : nil).map {
      $0 &+ (page.linearAddress - mapping.linearAddress.rawValue)
    }
    if basis == .leaf { return .allowedByLeaf(page: place) }
    return place.map { .allowed(page: $0) } ?? .expected(.success(nil))
  }

  /// What was asked for about a page that the recursive slot shows.
  private func answer(
    _ content: AskedRecursion.Content, _ manner: ProbeManner
  ) -> AskedAnswer {
    switch content {
    case .absent: return .absent
    case .unsaid: return .unsaid
    case .page(let address, let properties):
      guard allows(manner, properties) else { return .forbidden }
      return address.map { .allowed(page: $0) } ?? .expected(.success(nil))
    }
  }

  /// The mapping that contains a linear address.
  func mapping(containing address: UInt64) -> Int? {
    var low = 0
    var high = order.count
    while low < high {
      let middle = (low + high) / 2
      if space.mappings[order[middle]].linearAddress.rawValue <= address {
        low = middle + 1
      } else {
        high = middle
      }
    }
    guard low > 0 else { return nil }
    let mapping = space.mappings[order[low - 1]]
    return address - mapping.linearAddress.rawValue < mapping.byteCount ? order[low - 1] : nil
  }

  /// Whether somebody who asks for `properties` wants the access to succeed.
  private func allows(_ manner: ProbeManner, _ properties: PageProperties) -> Bool {
    let processor = space.processor
    let isKernel = manner.privilege == .supervisor
    let kernelIgnoresReadOnly = isKernel && !processor.controls.isWriteProtectEnabled
    if !isKernel && !properties.isUser { return false }
    switch manner.kind {
    case .fetch:
      if isKernel && properties.isUser && processor.controls.isSMEPEnabled { return false }
      return properties.rights.contains(.execute)
    case .read, .write:
      if isKernel && properties.isUser && processor.controls.isSMAPEnabled
        && !processor.controls.isAlignmentCheckFlagSet
      {
        return false
      }
      let isWrite = manner.kind == .write
      // Keys of user pages count by PKRU, those of supervisor pages by IA32_PKRS.
      if properties.isUser ? processor.controls.isPKEEnabled : processor.controls.isPKSEnabled {
        let register = properties.isUser ? processor.controls.pkru : processor.controls.pkrs
        let keyRights = register >> (2 * UInt32(properties.protectionKey & 15)) & 3
        if keyRights & 1 != 0 { return false }
        if keyRights & 2 != 0 && isWrite && !kernelIgnoresReadOnly { return false }
      }
      return !isWrite || properties.rights.contains(.write) || kernelIgnoresReadOnly
    }
  }
}
