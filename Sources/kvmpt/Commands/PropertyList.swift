// PropertyList: names of properties on the command line.

import ArgumentParser
import Probe

/// Properties of pages, by the names that reports have for them.
struct PropertyList: Sendable {
  let properties: RangeProperties

  /// Reads names that commas separate.
  ///
  /// - Throws: `ValidationError`, which names the properties that there are.
  init(argument: String, option: String) throws {
    var properties: RangeProperties = []
    for name in argument.split(separator: ",", omittingEmptySubsequences: false).map(String.init) {
      guard let property = RangeProperty.allCases.first(where: { $0.id == name }) else {
        let names = RangeProperty.allCases.map(\.id)
        let near =
          nearestWord(to: name, among: names).map { "did you mean \(quoted($0))? " } ?? ""
        throw ValidationError(
          "\(option) takes no property \(quoted(name)): \(near)the properties are"
            + " \(names.joined(separator: ", "))")
      }
      properties.formUnion(RangeProperties(property))
    }
    self.properties = properties
  }
}

extension RangeProperties {
  /// The names, separated by commas.
  var names: String { properties.map(\.id).joined(separator: ", ") }
  /// The names in a sentence, separated by commas.
  var sentence: String { properties.map(\.words).joined(separator: ", ") }
}
