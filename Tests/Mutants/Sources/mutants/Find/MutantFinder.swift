// MutantFinder: goes through a file and notes every edit that is worth trying.

import SwiftOperators
import SwiftParser
import SwiftSyntax

/// Collects the edits of one file, in the order of the source.
final class MutantFinder: SyntaxVisitor {
  /// An edit before equal ones are counted.
  struct Candidate {
    let edit: Edit
    let site: Range<Int>
    let kind: Mutant.Kind
    let replacement: String
    let function: String
    let functionNode: Syntax
  }

  private(set) var candidates: [Candidate] = []
  private var seen: Set<String> = []
  private var types: [String] = []
  var scopes: [FunctionScope] = []

  private init() { super.init(viewMode: .sourceAccurate) }

  /// The candidates of a file, and the file's tree.
  static func candidates(in text: String) -> [Candidate] {
    let parsed = Parser.parse(source: text)
    // An operator that the table lacks leaves its expression as a sequence, where nothing is edited.
    let tree = OperatorTable.standardOperators.foldAll(parsed) { _ in }
    let finder = MutantFinder()
    finder.walk(tree)
    return finder.candidates
  }

  func text(_ node: some SyntaxProtocol) -> String { node.trimmedDescription }

  /// The bytes of a node without the spaces and comments around it.
  func bytes(of node: some SyntaxProtocol) -> Range<Int> {
    node.positionAfterSkippingLeadingTrivia
      .utf8Offset..<node.endPositionBeforeTrailingTrivia.utf8Offset
  }

  /// Notes an edit, unless another one does the same.
  func note(_ edit: Edit, _ site: Range<Int>, _ kind: Mutant.Kind, _ replacement: String) {
    guard let scope = scopes.last, seen.insert("\(site) \(replacement)").inserted else { return }
    candidates.append(
      Candidate(
        edit: edit, site: site, kind: kind, replacement: replacement, function: scope.name,
        functionNode: scope.node))
  }

  func note(_ edit: Edit, _ expression: some SyntaxProtocol, _ replacement: String) {
    note(edit, bytes(of: expression), .expression, replacement)
  }

  // MARK: Scopes

  private func enter(type name: String) -> SyntaxVisitorContinueKind {
    types.append(name)
    return .visitChildren
  }

  private func enter(
    _ name: String, _ node: some SyntaxProtocol, result: TypeSyntax?, isInitializer: Bool = false,
    isStored: Bool = false
  ) -> SyntaxVisitorContinueKind {
    let path = scopes.last.map { "\($0.name).\(name)" } ?? (types + [name]).joined(separator: ".")
    scopes.append(
      FunctionScope(
        name: path, node: scopes.first?.node ?? Syntax(node), beginning: node.id, result: result,
        isInitializer: isInitializer, isStored: isStored))
    return .visitChildren
  }

  /// Ends the scope that the node began, if it began one.
  private func leave(_ node: some SyntaxProtocol) {
    if scopes.last?.beginning == node.id { scopes.removeLast() }
  }

  private func labels(_ clause: FunctionParameterClauseSyntax) -> String {
    "(" + clause.parameters.map { "\($0.firstName.text):" }.joined() + ")"
  }

  override func visit(_ node: StructDeclSyntax) -> SyntaxVisitorContinueKind {
    enter(type: node.name.text)
  }
  override func visitPost(_ node: StructDeclSyntax) { types.removeLast() }

  override func visit(_ node: EnumDeclSyntax) -> SyntaxVisitorContinueKind {
    enter(type: node.name.text)
  }
  override func visitPost(_ node: EnumDeclSyntax) { types.removeLast() }

  override func visit(_ node: ClassDeclSyntax) -> SyntaxVisitorContinueKind {
    enter(type: node.name.text)
  }
  override func visitPost(_ node: ClassDeclSyntax) { types.removeLast() }

  override func visit(_ node: ActorDeclSyntax) -> SyntaxVisitorContinueKind {
    enter(type: node.name.text)
  }
  override func visitPost(_ node: ActorDeclSyntax) { types.removeLast() }

  override func visit(_ node: ProtocolDeclSyntax) -> SyntaxVisitorContinueKind {
    enter(type: node.name.text)
  }
  override func visitPost(_ node: ProtocolDeclSyntax) { types.removeLast() }

  override func visit(_ node: ExtensionDeclSyntax) -> SyntaxVisitorContinueKind {
    enter(type: text(node.extendedType))
  }
  override func visitPost(_ node: ExtensionDeclSyntax) { types.removeLast() }

  override func visit(_ node: FunctionDeclSyntax) -> SyntaxVisitorContinueKind {
    guard let body = node.body, !FunctionScope.wordy.contains(node.name.text) else {
      return .skipChildren
    }
    _ = enter(
      node.name.text + labels(node.signature.parameterClause), node,
      result: node.signature.returnClause?.type)
    noteImplicitResult(body.statements)
    return .visitChildren
  }
  override func visitPost(_ node: FunctionDeclSyntax) { leave(node) }

  override func visit(_ node: InitializerDeclSyntax) -> SyntaxVisitorContinueKind {
    guard node.body != nil else { return .skipChildren }
    return enter(
      "init" + labels(node.signature.parameterClause), node, result: nil, isInitializer: true)
  }
  override func visitPost(_ node: InitializerDeclSyntax) { leave(node) }

  override func visit(_ node: DeinitializerDeclSyntax) -> SyntaxVisitorContinueKind {
    enter("deinit", node, result: nil)
  }
  override func visitPost(_ node: DeinitializerDeclSyntax) { leave(node) }

  override func visit(_ node: SubscriptDeclSyntax) -> SyntaxVisitorContinueKind {
    _ = enter("subscript" + labels(node.parameterClause), node, result: node.returnClause.type)
    if case .getter(let statements) = node.accessorBlock?.accessors {
      noteImplicitResult(statements)
    }
    return .visitChildren
  }
  override func visitPost(_ node: SubscriptDeclSyntax) { leave(node) }

  override func visit(_ node: VariableDeclSyntax) -> SyntaxVisitorContinueKind {
    // A local variable belongs to its function.
    guard scopes.isEmpty else { return .visitChildren }
    guard let binding = node.bindings.first, !FunctionScope.wordy.contains(text(binding.pattern))
    else { return .skipChildren }
    _ = enter(
      text(binding.pattern), node, result: binding.typeAnnotation?.type,
      isStored: binding.accessorBlock == nil)
    if case .getter(let statements) = binding.accessorBlock?.accessors {
      noteImplicitResult(statements)
    }
    return .visitChildren
  }
  override func visitPost(_ node: VariableDeclSyntax) { leave(node) }

  override func visit(_ node: AccessorDeclSyntax) -> SyntaxVisitorContinueKind {
    guard let body = node.body else { return .skipChildren }
    let kind = node.accessorSpecifier.text
    let isGetter = ["get", "_read", "unsafeAddress"].contains(kind)
    _ = enter(kind, node, result: isGetter ? scopes.last?.result : nil)
    if isGetter { noteImplicitResult(body.statements) }
    return .visitChildren
  }
  override func visitPost(_ node: AccessorDeclSyntax) { leave(node) }

  override func visit(_ node: ClosureExprSyntax) -> SyntaxVisitorContinueKind {
    if !scopes.isEmpty { scopes[scopes.count - 1].closureDepth += 1 }
    return .visitChildren
  }
  override func visitPost(_ node: ClosureExprSyntax) {
    if !scopes.isEmpty { scopes[scopes.count - 1].closureDepth -= 1 }
  }

  // MARK: What decides nothing

  override func visit(_ node: StringLiteralExprSyntax) -> SyntaxVisitorContinueKind {
    .skipChildren
  }
  override func visit(_ node: AttributeSyntax) -> SyntaxVisitorContinueKind { .skipChildren }
  override func visit(_ node: ExpressionPatternSyntax) -> SyntaxVisitorContinueKind {
    .skipChildren
  }
  override func visit(_ node: EnumCaseDeclSyntax) -> SyntaxVisitorContinueKind { .skipChildren }
  override func visit(_ node: FunctionParameterClauseSyntax) -> SyntaxVisitorContinueKind {
    .skipChildren
  }
  override func visit(_ node: TypeAnnotationSyntax) -> SyntaxVisitorContinueKind { .skipChildren }
  override func visit(_ node: GenericArgumentClauseSyntax) -> SyntaxVisitorContinueKind {
    .skipChildren
  }
  override func visit(_ node: ReturnClauseSyntax) -> SyntaxVisitorContinueKind { .skipChildren }
  override func visit(_ node: ThrowStmtSyntax) -> SyntaxVisitorContinueKind { .skipChildren }
  override func visit(_ node: MacroExpansionExprSyntax) -> SyntaxVisitorContinueKind {
    .skipChildren
  }

  // MARK: What decides

  override func visit(_ node: ConditionElementSyntax) -> SyntaxVisitorContinueKind {
    noteCondition(node)
    return .visitChildren
  }
  override func visit(_ node: RepeatStmtSyntax) -> SyntaxVisitorContinueKind {
    noteNegation(node.condition)
    note(.neverTrue, node.condition, "false")
    return .visitChildren
  }
  override func visit(_ node: WhereClauseSyntax) -> SyntaxVisitorContinueKind {
    noteNegation(node.condition)
    note(.alwaysTrue, node.condition, "true")
    return .visitChildren
  }
  override func visit(_ node: TernaryExprSyntax) -> SyntaxVisitorContinueKind {
    noteNegation(node.condition)
    return .visitChildren
  }
  override func visit(_ node: InfixOperatorExprSyntax) -> SyntaxVisitorContinueKind {
    noteOperator(node)
    return .visitChildren
  }
  override func visit(_ node: PrefixOperatorExprSyntax) -> SyntaxVisitorContinueKind {
    if ["!", "~", "-"].contains(node.operator.text) {
      note(.droppedPrefix, node, text(node.expression))
    }
    return .visitChildren
  }
  override func visit(_ node: IntegerLiteralExprSyntax) -> SyntaxVisitorContinueKind {
    noteFlippedBit(node)
    return .skipChildren
  }
  override func visit(_ node: BooleanLiteralExprSyntax) -> SyntaxVisitorContinueKind {
    if node.parent?.is(ConditionElementSyntax.self) != true {
      note(.flippedTruth, node, node.literal.text == "true" ? "false" : "true")
    }
    return .skipChildren
  }
  override func visit(_ node: FunctionCallExprSyntax) -> SyntaxVisitorContinueKind {
    if isForPeople(node) { return .skipChildren }
    noteCall(node)
    return .visitChildren
  }
  override func visit(_ node: SwitchExprSyntax) -> SyntaxVisitorContinueKind {
    noteCaseBodies(node)
    return .visitChildren
  }
  override func visit(_ node: CodeBlockItemSyntax) -> SyntaxVisitorContinueKind {
    noteStatement(node)
    return .visitChildren
  }
  override func visit(_ node: ReturnStmtSyntax) -> SyntaxVisitorContinueKind {
    if let value = node.expression, scopes.last?.closureDepth == 0 { noteResult(value) }
    return .visitChildren
  }
}
