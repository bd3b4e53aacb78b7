// Explanation: why an access fails.

/// A prediction in words.
public struct Explanation: Hashable, Sendable {
  /// What the access does.
  public let prediction: AccessPrediction
  /// Every rule that stops the access, the most telling first; empty when it succeeds.
  ///
  /// When the walk found no page, what the rights of the page would say is not known yet.
  public let blames: [Blame]

  /// The first of ``blames``, the one of the prediction.
  public var blame: Blame? { blames.first }
}

extension Walk {
  /// Why `access` fails at the address of this walk in `mode`.
  ///
  /// `configuration` is the one that the walk was made with.
  public func explain(
    _ access: Access, mode: CPUMode, configuration: PagingConfiguration
  ) -> Explanation {
    var blames: [Blame] = []
    switch end {
    case .page(let translation):
      let rights = AccessRights(access, mode: mode, rules: EveryRule())
      visitRestrictions(of: translation, rights: rights) { blame in
        blames.append(blame)
        return .goOn
      }
    case .reservedBits:
      visitReserved { blame in
        blames.append(blame)
        return .goOn
      }
    case .notPresent, .tableOutsideMemory, .notCanonical:
      if let blame = blameForEnd() { blames.append(blame) }
    }
    return Explanation(
      prediction: predict(access, mode: mode, configuration: configuration), blames: blames)
  }
}
