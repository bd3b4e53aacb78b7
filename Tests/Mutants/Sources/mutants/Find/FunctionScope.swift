// FunctionScope: the declaration that an edit belongs to.

import SwiftSyntax

/// A function, an accessor or a stored value, while the finder is inside it.
struct FunctionScope {
  let name: String
  /// The outermost of the nested declarations: its text is what a result depends on.
  let node: Syntax
  /// The node that began the scope.
  let beginning: SyntaxIdentifier
  /// The type that `return` gives, where there is one.
  let result: TypeSyntax?
  let isInitializer: Bool
  /// A property with a value that is stored: no function, but its constants decide.
  let isStored: Bool
  /// Closures between the declaration and the place that is looked at.
  var closureDepth = 0
  /// Properties that the initializer has given a value so far.
  var initialized: Set<String> = []

  /// Names of declarations that are text for people.
  static let wordy: Set<String> = [
    "description", "debugDescription", "message", "hint", "title", "source", "abstract",
    "discussion", "help", "configuration", "meaning", "table",
  ]

  var returnsBool: Bool { result?.trimmedDescription == "Bool" }
  var returnsOptional: Bool { result?.is(OptionalTypeSyntax.self) ?? false }
  var returnsNothing: Bool {
    result == nil || result?.trimmedDescription == "Void" || result?.trimmedDescription == "()"
  }
}
