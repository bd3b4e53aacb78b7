// Mutant: one edit of one place in the sources, with a name that outlives edits elsewhere.

/// One edit that changes what a function decides.
struct Mutant: Sendable {
  /// The name, in every run the same until the function is edited.
  struct Identity: Hashable, Sendable {
    /// The file's path below `Sources`.
    let file: String
    /// The path of the declaration, as `Walk.Descent.use(_:_:in:under:)`.
    let function: String
    let edit: Edit
    /// The text that is replaced and the text instead, on one line and shortened.
    let before: String
    let after: String
    /// The place among equal ones in the file, from 1.
    let ordinal: Int
  }

  /// What the edited text is.
  enum Kind: Hashable, Sendable {
    /// A value: both texts are expressions.
    case expression
    /// One or several statements; no text instead leaves them out.
    case statements
  }

  let identity: Identity
  /// A digest of the function's text without comments and spaces: results end with it.
  let functionDigest: String
  /// The bytes of the file that are replaced.
  let site: Range<Int>
  let kind: Kind
  let replacement: String
  /// The bytes of the function.
  let function: Range<Int>
  /// The line of the edit, for people only.
  let line: Int
  /// That line, without the spaces around it.
  let lineText: String

  /// The module is the first folder.
  var module: String { String(identity.file.prefix { $0 != "/" }) }
}
