// MutantChoice: the order in which mutants are tried.

/// Orders mutants by a seed, evenly over modules, files and functions.
struct MutantChoice {
  let seed: String

  /// All mutants: within a module each function comes before any comes twice, and files take turns;
  /// modules take turns by the square root of how many functions they have.
  func ordered(_ mutants: [Mutant]) -> [Mutant] {
    let byModule = Dictionary(grouping: mutants, by: \.module)
    var queues: [(name: String, weight: Double, rest: ArraySlice<Mutant>, taken: Double)] = []
    for name in SourceFile.modules {
      guard let own = byModule[name] else { continue }
      let functions = Set(own.map { "\($0.identity.file) \($0.identity.function)" }).count
      queues.append((name, Double(functions).squareRoot(), orderedInModule(own)[...], 0))
    }
    var result: [Mutant] = []
    result.reserveCapacity(mutants.count)
    while let next = queues.indices.filter({ !queues[$0].rest.isEmpty }).min(by: {
      (queues[$0].taken + 1) / queues[$0].weight < (queues[$1].taken + 1) / queues[$1].weight
    }) {
      result.append(queues[next].rest.removeFirst())
      queues[next].taken += 1
    }
    return result
  }

  private func orderedInModule(_ mutants: [Mutant]) -> [Mutant] {
    /// The turn of the function, the turn of the function in its file, and the seed's order.
    struct Place {
      let turn: Int
      let functionInFile: Int
      let file: UInt64
      let mutant: UInt64
    }
    var placed: [(place: Place, mutant: Mutant)] = []
    for (file, inFile) in Dictionary(grouping: mutants, by: \.identity.file) {
      let functions = Dictionary(grouping: inFile, by: \.identity.function).sorted {
        order(file, $0.key) < order(file, $1.key)
      }
      for (index, function) in functions.enumerated() {
        let own = function.value.map { (order($0), $0) }.sorted { $0.0 < $1.0 }
        for (turn, one) in own.enumerated() {
          let place = Place(
            turn: turn, functionInFile: index, file: order(file, ""), mutant: one.0)
          placed.append((place, one.1))
        }
      }
    }
    return placed.sorted {
      let (left, right) = ($0.place, $1.place)
      if left.turn != right.turn { return left.turn < right.turn }
      if left.functionInFile != right.functionInFile {
        return left.functionInFile < right.functionInFile
      }
      return left.file != right.file ? left.file < right.file : left.mutant < right.mutant
    }.map(\.mutant)
  }

  private func order(_ file: String, _ function: String) -> UInt64 {
    StableHash(seed, file, function).value
  }

  private func order(_ mutant: Mutant) -> UInt64 {
    let identity = mutant.identity
    return StableHash(
      seed, identity.file, identity.function, identity.edit.rawValue, identity.before,
      identity.after, "\(identity.ordinal)"
    ).value
  }
}
