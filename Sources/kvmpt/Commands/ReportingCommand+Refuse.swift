// Refusing options that have no effect.

extension ReportingCommand {
  /// Refuses the first of `given`, options that can have no effect for one and the same reason.
  func refuse(
    _ given: [String], because reason: @autoclosure () -> String, appliesTo scope: String
  ) throws(CommandFailure) {
    guard let option = given.first else { return }
    throw CommandFailure(OptionWithoutEffect(option: option, reason: reason(), scope: scope))
  }
}
