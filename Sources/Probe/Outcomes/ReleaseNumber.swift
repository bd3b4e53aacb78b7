// ReleaseNumber: versions of kernels and of QEMU, in their order.

/// The first two numbers of a version, such as 6.18 of `6.18.44-fc-v509`.
///
/// A third number stands for repairs, which baselines do not tell apart.
public struct ReleaseNumber: Hashable, Comparable, Sendable, CustomStringConvertible {
  private let numbers: [Int]

  /// Takes at most two numbers.
  init(_ numbers: [Int]) { self.numbers = Array(numbers.prefix(2)) }

  /// Reads the numbers that a version begins with; nil where there is none.
  public init?(text: String) {
    var numbers: [Int] = []
    for part in text.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
      .prefix(2)
    {
      let digits = part.prefix { $0.isASCII && $0.isWholeNumber }
      guard let number = Int(digits), number < 1_000_000 else { break }
      numbers.append(number)
      if digits.count < part.count { break }
    }
    guard !numbers.isEmpty else { return nil }
    self.init(numbers)
  }

  /// The numbers with a point between them.
  public var description: String { numbers.map(String.init).joined(separator: ".") }

  /// Compares number by number; a missing one counts as 0.
  public static func < (left: ReleaseNumber, right: ReleaseNumber) -> Bool {
    func key(_ release: ReleaseNumber) -> (Int, Int) {
      (release.numbers.first ?? 0, release.numbers.count > 1 ? release.numbers[1] : 0)
    }
    return key(left) < key(right)
  }
}

extension ClosedRange<ReleaseNumber> {
  /// Such as `6.12 to 6.18`, or `6.18`.
  public var words: String {
    lowerBound == upperBound ? "\(lowerBound)" : "\(lowerBound) to \(upperBound)"
  }

  /// The range with `release` in it.
  func including(_ release: ReleaseNumber) -> ClosedRange<ReleaseNumber> {
    Swift.min(lowerBound, release)...Swift.max(upperBound, release)
  }
}
