// Statements that are left out, assignments of another kind, bodies of other cases.

import Foundation
import SwiftSyntax

extension MutantFinder {
  private static let assignments = [
    "+=": "-=", "-=": "+=", "&+=": "&-=", "&-=": "&+=", "|=": "&=", "&=": "|=", "^=": "|=",
    "<<=": ">>=", ">>=": "<<=", "*=": "+=",
  ]

  func noteStatement(_ item: CodeBlockItemSyntax) {
    guard let list = item.parent?.as(CodeBlockItemListSyntax.self) else { return }
    switch item.item {
    case .expr(let expression): noteExpressionStatement(item, bare(expression), in: list)
    case .stmt(let statement):
      let leaves =
        statement.is(ContinueStmtSyntax.self) || statement.is(BreakStmtSyntax.self)
        || statement.is(ReturnStmtSyntax.self)
      // Alone in its block, it goes when the condition is never true.
      if leaves && list.count > 1 && isInsideIf(list) { drop(item) }
    case .decl: break
    }
  }

  private func drop(_ item: CodeBlockItemSyntax) {
    note(.droppedStatement, bytes(of: item.item), .statements, "")
  }

  private func isInsideIf(_ list: CodeBlockItemListSyntax) -> Bool {
    list.parent?.parent?.is(IfExprSyntax.self) ?? false
  }

  /// The expression without `try`, `await` and `unsafe`.
  private func bare(_ expression: ExprSyntax) -> ExprSyntax {
    if let marked = expression.as(TryExprSyntax.self) { return bare(marked.expression) }
    if let marked = expression.as(AwaitExprSyntax.self) { return bare(marked.expression) }
    if let marked = expression.as(UnsafeExprSyntax.self) { return bare(marked.expression) }
    return expression
  }

  private func noteExpressionStatement(
    _ item: CodeBlockItemSyntax, _ expression: ExprSyntax, in list: CodeBlockItemListSyntax
  ) {
    if let call = expression.as(FunctionCallExprSyntax.self) {
      if !isForPeople(call) && !isValue(list) && !isInitializerCall(call) { drop(item) }
    } else if expression.is(OptionalChainingExprSyntax.self) {
      if !isValue(list) { drop(item) }
    } else if let infix = expression.as(InfixOperatorExprSyntax.self) {
      noteAssignment(item, infix)
    }
  }

  /// `self.init(…)` and `super.init(…)` cannot be left out.
  private func isInitializerCall(_ call: FunctionCallExprSyntax) -> Bool {
    text(call.calledExpression).hasSuffix(".init")
  }

  /// True when the only item of the list is the value of a body.
  private func isValue(_ list: CodeBlockItemListSyntax) -> Bool {
    guard list.count == 1 else { return false }
    if list.parent?.is(ClosureExprSyntax.self) == true { return true }
    let isBody =
      list.parent?.is(AccessorBlockSyntax.self) == true
      || list.parent?.parent?.is(FunctionDeclSyntax.self) == true
      || list.parent?.parent?.is(AccessorDeclSyntax.self) == true
    return isBody && !(scopes.last?.returnsNothing ?? true)
  }

  private func noteAssignment(_ item: CodeBlockItemSyntax, _ infix: InfixOperatorExprSyntax) {
    let left = text(infix.leftOperand)
    if infix.operator.is(AssignmentExprSyntax.self) {
      if isFirstValue(left) { return }
      drop(item)
    } else if let symbol = infix.operator.as(BinaryOperatorExprSyntax.self)?.operator.text,
      symbol.hasSuffix("="), symbol != "==", symbol != "!=", symbol != "<=", symbol != ">="
    {
      drop(item)
      let whole = text(item)
      if let other = Self.assignments[symbol], let place = whole.firstRange(of: symbol),
        !infix.rightOperand.is(StringLiteralExprSyntax.self),
        !infix.rightOperand.is(ArrayExprSyntax.self)
      {
        note(
          .swappedAssignment, bytes(of: item.item), .statements,
          whole.replacingCharacters(in: place, with: other))
      }
    }
  }

  /// True for the assignment without which an initializer leaves a property without a value.
  private func isFirstValue(_ name: String) -> Bool {
    guard let scope = scopes.last, scope.isInitializer, scope.closureDepth == 0 else {
      return false
    }
    let property = name.hasPrefix("self.") ? String(name.dropFirst(5)) : name
    if property.contains(where: { $0 == "." || $0 == "[" || $0 == "(" }) || property == "_" {
      return false
    }
    return scopes[scopes.count - 1].initialized.insert(property).inserted
  }

  // MARK: Cases

  /// Gives each case the body of the next one that binds nothing.
  func noteCaseBodies(_ node: SwitchExprSyntax) {
    let cases = node.cases.compactMap { $0.as(SwitchCaseSyntax.self) }
    for (index, one) in cases.enumerated() {
      guard let own = one.statements.first, let ownLast = one.statements.last else { continue }
      for step in 1..<max(cases.count, 1) {
        let other = cases[(index + step) % cases.count]
        let body = text(other.statements)
        guard !bindsNames(other), body != text(one.statements), !isText(other), !isText(one),
          !hasFallthrough(one), !hasFallthrough(other)
        else { continue }
        let site =
          own.positionAfterSkippingLeadingTrivia
          .utf8Offset..<ownLast.endPositionBeforeTrailingTrivia.utf8Offset
        note(.bodyOfAnotherCase, site, .statements, body)
        break
      }
    }
  }

  private func bindsNames(_ one: SwitchCaseSyntax) -> Bool {
    text(one.label).split { !$0.isLetter }.contains { $0 == "let" || $0 == "var" }
  }

  private func isText(_ one: SwitchCaseSyntax) -> Bool {
    guard one.statements.count == 1, case .expr(let value) = one.statements.first?.item else {
      return false
    }
    return value.is(StringLiteralExprSyntax.self)
  }

  private func hasFallthrough(_ one: SwitchCaseSyntax) -> Bool {
    one.statements.contains { text($0) == "fallthrough" }
  }
}
