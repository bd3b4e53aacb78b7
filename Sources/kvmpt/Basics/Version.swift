// Version: which kvmpt this is.

/// The version of this package.
enum Version {
  static let current = "0.1.0"
}
