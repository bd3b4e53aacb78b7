// What is refused before any work, and with which words.

import ArgumentParser
import KVM
import Testing

@testable import Probe
@testable import kvmpt

@Suite("A choice that makes no sense is refused in words that say what does")
struct RefusedChoiceTests {
  @Test("Two machines are for verify", arguments: ["conform", "doctor"])
  func twoMachines(_ command: String) throws {
    for more in [[], ["--format", "json"], ["--kvm-device", "/no/such/device"]] {
      let run = try ProgramRun([command, "--machine", "kvm,qemu"] + more)
      #expect(run.exitCode == 64 && run.output.isEmpty)
      #expect(
        run.errors == """
          error: --machine kvm,qemu is about verify, and this command examines one machine
            hint: run it once with --machine kvm and once with --machine qemu

          """)
    }
  }

  @Test("QEMU goes on alone after KVM only where the choice between them is automatic")
  func alternative() throws {
    // A program that can be found is enough: it is not started.
    let given = ["--qemu", "/bin/sh", "--kvm-device", "/no/such/device"]
    func choice(_ machine: String, _ more: [String] = given) throws -> MachineChoice {
      try MachineChoice.parse(["--machine", machine] + more)
    }
    var verifier = Verifier.modelOnly
    #expect(try choice("auto").alternative(to: verifier) == nil)
    verifier.second = SecondMachine(asked: .everything) { () throws(MachineError) in
      throw MachineError.calibrationUnfinished
    }
    #expect(try choice("auto").alternative(to: verifier)?.machineIdentity?.walker == .tcg)
    #expect(try choice("kvm,qemu").alternative(to: verifier) == nil)
    #expect(try choice("qemu", ["--qemu", "/bin/sh"]).alternative(to: verifier) == nil)
    #expect(try choice("kvm", []).alternative(to: verifier) == nil)
    #expect(
      try choice("auto", ["--qemu", "/no/such/program"]).alternative(to: verifier) == nil)
  }

  @Test("A reason that there is not is told which was meant, and which there are")
  func unprovedReasons() {
    let names = UnprovedReason.allCases.filter(\.canBeAllowed).map(\.id)
    #expect(names.count > 20 && !names.contains("time-limit") && !names.contains("interrupted"))
    let list = "the reasons are all, \(names.joined(separator: ", "))"
    func refusal(_ argument: String) -> String? {
      do {
        _ = try AllowedUnproved(argument: argument)
        return nil
      } catch {
        return "\(error)"
      }
    }
    for name in names {
      #expect(refusal(name) == nil)
      let near = String(name.dropLast())
      #expect(
        refusal(near)
          == "--allow-unproved takes no reason '\(near)': did you mean '\(name)'? \(list)")
      #expect(refusal("all,\(near)")?.contains("did you mean '\(name)'? ") == true)
    }
    for strange in ["", "?", "nothing like any of them", "all "] {
      #expect(refusal(strange) == "--allow-unproved takes no reason '\(strange)': \(list)")
    }
    for reason in UnprovedReason.allCases where !reason.canBeAllowed {
      #expect(
        refusal(reason.id)
          == "--allow-unproved cannot allow '\(reason.id)': \(reason.message), which has an exit"
          + " code of its own")
    }
  }

  @Test("A list of reasons allows those that it names, and all allows all")
  func allowed() throws {
    let known = UnprovedReason.allCases
    for reason in known where reason.canBeAllowed {
      let one = try AllowedUnproved(argument: reason.id)
      #expect(known.filter { one.contains($0) } == [reason])
      let two = try AllowedUnproved(argument: "explained,\(reason.id)")
      #expect(Set(known.filter { two.contains($0) }) == [reason, .explained])
      #expect(two.contains(Unproved(reason, count: 1, on: nil)))
    }
    let all = try AllowedUnproved(argument: "all")
    #expect(known.filter { all.contains($0) } == known.filter(\.canBeAllowed))
    #expect(known.filter { AllowedUnproved.none.contains($0) } == [])
    for (allowed, code) in [(AllowedUnproved.none, 77), (all, 0)] as [(AllowedUnproved, Int32)] {
      #expect(kvmpt.ExitStatus(withoutMachineAllowing: allowed).rawValue == code)
    }
  }

  @Test("A run that ends before the tables are built ends with the code of its reason")
  func unfinishedBuild() throws {
    let reader = AddressSpaceFileReader(limits: InputLimits())
    let input = try #require(reader.file("memory: 4MiB\nmappings: []\n"))
    for (reason, code) in [(NotRunReason.interrupted, 130), (.timeLimit, 124)]
      as [(NotRunReason, Int32)]
    {
      let text =
        "error: \(reason.message) before the tables were built\n"
        + "  hint: give it more time, or ask for less"
      let built = CommandFailure(AddressSpaceBuildError.unfinished(reason), input: input)
      #expect(built.status.rawValue == code && built.text == text)
      let verified = CommandFailure(
        VerificationError.build(.unfinished(reason)), input: input)
      #expect(verified.status.rawValue == code && verified.text == text)
    }
  }

  @Test(
    "Mistakes are coloured where colour is asked for, and the words stay",
    arguments: ["CLICOLOR_FORCE=1", "FORCE_COLOR=1"])
  func colours(_ variable: String) throws {
    let path = "/no/such/file"
    for arguments in [["verify", path + ".yaml"], ["dump", path, "--cr3", "0"]] {
      let plain = try ProgramRun(arguments)
      #expect(plain.errors.hasPrefix("error: cannot read ") && !plain.errors.contains("\u{1b}"))
      let coloured = try ProgramRun(arguments, environment: [variable])
      #expect(coloured.exitCode == plain.exitCode)
      #expect(coloured.errors.hasPrefix("\u{1b}[1;31merror:\u{1b}[0m cannot read "))
      #expect(coloured.errors.contains("\n  \u{1b}[1mhint:\u{1b}[0m "))
      #expect(coloured.errors.replacing(/\u{1b}\[[0-9;]*m/, with: "") == plain.errors)
      let refused = try ProgramRun(arguments, environment: [variable, "NO_COLOR=1"])
      #expect(refused.errors == plain.errors)
    }
  }
}
