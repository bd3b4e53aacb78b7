// ResultFile: reports and machine profiles that this program wrote, read again.

import KVM
import MMU
import Probe

/// Why a result file cannot be used.
struct ResultFileError: Error {
  let path: String
  let reason: String

  var failure: CommandFailure {
    CommandFailure(
      .badInput, "cannot use \(quoted(path)): \(reason)",
      hint: "give a file that this version of kvmpt wrote")
  }
}

/// A JSON file that this program wrote.
struct ResultFile {
  let path: String
  let tree: JSONTree

  private static let byteLimit = 256 << 20

  /// Reads a file whose `schema` member is `schema`.
  init(path: String, schema: String) throws(CommandFailure) {
    self.path = path
    let bytes: [UInt8]
    do throws(InputFileError) {
      bytes = try InputFile.allBytes(of: path, byteLimit: Self.byteLimit)
    } catch {
      throw CommandFailure(error)
    }
    do throws(JSONSyntaxError) {
      var reader = JSONReader(bytes)
      tree = try reader.read()
    } catch {
      throw ResultFileError(
        path: path, reason: "it is not JSON at byte \(error.offset): \(error.message)"
      ).failure
    }
    guard tree["schema"]?.text == schema else {
      throw ResultFileError(path: path, reason: "its schema is not \(schema)").failure
    }
    guard tree["version"]?.text == Version.current else {
      throw ResultFileError(path: path, reason: "another version of kvmpt wrote it").failure
    }
  }

  /// The failure of a file in which something is missing or wrong.
  func failure(_ what: String) -> CommandFailure {
    ResultFileError(path: path, reason: "'\(what)' is missing or wrong").failure
  }

  /// Takes `value`, which was found at `what`.
  func require<Value>(_ value: Value?, _ what: String) throws(CommandFailure) -> Value {
    guard let value else { throw failure(what) }
    return value
  }

  /// The machine of a report or of a profile, with the rules that belong to it.
  func machine() throws(CommandFailure) -> MachineProfile {
    let tree = try require(tree["machine"], "machine")
    let features = try require(tree["features"]?.elements, "features")
    var found: Set<MachineFeature> = []
    for feature in features {
      found.insert(
        try require(feature.text.flatMap(MachineFeature.init(rawValue:)), "features"))
    }
    let width = try require(tree["physical-address-bits"]?.number, "physical-address-bits")
    guard (32...52).contains(width) else { throw failure("physical-address-bits") }
    return MachineProfile(
      identity: MachineIdentity(
        name: try require(tree["name"]?.text, "name"),
        walker: try require(
          tree["walker"]?.text.flatMap(TableWalker.init(rawValue:)), "walker"),
        processorName: tree["processor"]?.text ?? "", kernelRelease: tree["kernel"]?.text ?? ""),
      vendor: tree["vendor"]?.text == "amd" ? .amd : .intel, physicalAddressWidth: UInt8(width),
      features: found, deviations: try rules())
  }

  private func rules() throws(CommandFailure) -> [Deviation] {
    var rules: [Deviation] = []
    for rule in tree["rules"]?.elements ?? [] {
      var condition: [DeviationAttribute] = []
      for (name, value) in try require(rule["when"]?.members, "when") {
        condition.append(
          try require(
            value.text.flatMap { DeviationAttribute(name: name, value: $0) }, "when.\(name)"))
      }
      let number = rule["effect"]?["number"]?.number.flatMap { UInt32(exactly: $0) }
      let effect = rule["effect"]?["id"]?.text.flatMap {
        DeviationEffect(name: $0, number: number)
      }
      rules.append(Deviation(when: condition, try require(effect, "effect")))
    }
    return rules
  }
}
