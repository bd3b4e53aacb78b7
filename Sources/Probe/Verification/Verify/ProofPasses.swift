// ProofPasses: the answers of one machine, and of a second one where there is one.

/// The answers of one machine.
struct ProofPass {
  /// The machine, or nil where only the model was asked.
  let profile: MachineProfile?
  var collector: VerdictCollector
  /// The disagreements of the collector, explained in the configuration of this machine.
  let disagreements: [Disagreement]
}

/// What all machines together came to.
struct ProofPasses {
  private(set) var collector: VerdictCollector
  private(set) var disagreements: [Disagreement]
  private(set) var machines = MachinesAsked()

  /// Takes the answers of the first machine, and asks the second one what is to be asked.
  ///
  /// A second machine that cannot be had leaves unproved what the first one left so.
  init<Failure: Error>(
    _ first: ProofPass, plan: ProbePlan, second: SecondMachine?,
    isMachine: (Failure) -> MachineError?,
    ask: (any MachineFactory, ProbePlan) throws(Failure) -> ProofPass
  ) throws(Failure) {
    collector = first.collector
    disagreements = first.disagreements
    guard let profile = first.profile else {
      collector.settle()
      return
    }
    let pages: [ProbePage]
    switch second?.question {
    case .unproved: pages = collector.open.pages
    case .everything: pages = plan.pages
    case nil: pages = []
    }
    guard let second, !pages.isEmpty, !collector.isUnfinished else {
      collector.settle()
      machines.answers = [MachineAnswers(profile, collector)]
      return
    }
    do {
      let pass = try Self.ask(second, ProbePlan(pages: pages), isMachine, ask)
      machines.answers = [MachineAnswers(profile, collector)]
      collector.dropOpen()
      if let other = pass.profile {
        machines.answers.append(MachineAnswers(other, pass.collector))
      }
      if second.question == .everything {
        let differences = collector.otherAnswers.differences(from: pass.collector.otherAnswers)
        machines.differenceCount = differences.count
        machines.uncomparedCount = collector.otherAnswers.uncomparedCount(
          with: pass.collector.otherAnswers)
        machines.differences = Array(differences.prefix(VerdictCollector.keptCount))
      }
      collector.merge(pass.collector)
      let room = max(0, VerdictCollector.keptCount - disagreements.count)
      disagreements += pass.disagreements.prefix(room)
    } catch {
      switch error {
      case .machine(let problem): machines.problem = problem
      case .other(let failure): throw failure
      }
      collector.settle()
      machines.answers = [MachineAnswers(profile, collector)]
    }
  }

  /// Counts the pages that did not fit into `plan`.
  mutating func addUnplanned(_ plan: ProbePlan) {
    for (subject, count) in plan.unplannedCounts {
      collector.addUnplanned(count, of: subject, .beyondPlan)
    }
  }

  /// Why there is no second pass.
  private enum NoPass<Failure: Error>: Error {
    case machine(MachineError)
    case other(Failure)
  }

  private static func ask<Failure: Error>(
    _ second: SecondMachine, _ plan: ProbePlan, _ isMachine: (Failure) -> MachineError?,
    _ ask: (any MachineFactory, ProbePlan) throws(Failure) -> ProofPass
  ) throws(NoPass<Failure>) -> ProofPass {
    let factory: any MachineFactory
    do throws(MachineError) {
      factory = try second.open()
    } catch {
      throw .machine(error)
    }
    do throws(Failure) {
      return try ask(factory, plan)
    } catch {
      if let problem = isMachine(error) { throw .machine(problem) }
      throw .other(error)
    }
  }
}
