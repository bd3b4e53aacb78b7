// LiveMachine: a machine that runs while its tables are read.

import Inspection
import MMU

/// A running machine whose memory a command reads.
final class LiveMachine {
  /// What can be asked.
  enum Guest {
    case qemu(QEMUGuest)
    case debugger(GDBStub)
  }

  let guest: Guest
  /// The machine goes on while it is read.
  private let isLive: Bool
  /// How long the machine was paused.
  private(set) var pause: Duration?
  private var pausedSince: ContinuousClock.Instant?
  /// Signals that end the program wait while the machine is stopped: it would stay so.
  private var signals: HeldSignals?

  private init(_ guest: Guest, isLive: Bool, signals: HeldSignals? = nil) {
    self.guest = guest
    self.isLive = isLive
    self.signals = signals
  }

  deinit { try? resume() }

  /// Connects to the machine that `source` names, and pauses it where that is wanted; nil for files.
  static func open(_ source: ImageSource, isLive: Bool) throws(CommandFailure) -> LiveMachine? {
    do throws(LiveSourceError) {
      switch source {
      case .file, .pieces: return nil
      case .qemu(let address):
        let machine = LiveMachine(.qemu(try QEMUGuest(address: address)), isLive: isLive)
        try machine.pauseIfWanted()
        return machine
      case .debugger(let address):
        // A stub stops the machine when somebody connects.
        let signals = HeldSignals()
        return LiveMachine(
          .debugger(try GDBStub(address: address)), isLive: false, signals: signals)
      }
    } catch {
      throw CommandFailure(error)
    }
  }

  /// The machine's memory and registers.
  func image(_ path: String) throws(CommandFailure) -> MemoryImage {
    do {
      switch guest {
      case .qemu(let guest): return try guest.image()
      case .debugger(let stub): return try stub.image()
      }
    } catch let error as LiveSourceError {
      throw CommandFailure(error)
    } catch let error as MemoryImageError {
      throw CommandFailure(error, path: path)
    } catch {
      throw CommandFailure(.internalError, "\(error)")
    }
  }

  /// MAXPHYADDR, where the machine tells it.
  var physicalAddressWidth: UInt8? {
    if case .qemu(let guest) = guest { guest.physicalAddressWidth } else { nil }
  }

  /// The processor has 1 GiB pages, where the machine tells it.
  var hasGibibytePages: Bool? {
    if case .qemu(let guest) = guest { guest.hasGibibytePages } else { nil }
  }

  /// Stops the machine, unless it is to be read while it goes on.
  private func pauseIfWanted() throws(LiveSourceError) {
    guard !isLive, case .qemu(let guest) = guest, guest.wasRunning else { return }
    signals = HeldSignals()
    pausedSince = .now
    try guest.pause()
  }

  /// Lets a machine go on that was stopped.
  private func resume() throws(LiveSourceError) {
    defer { signals = nil }
    switch guest {
    case .debugger(let stub): stub.release()
    case .qemu(let guest):
      guard let since = pausedSince else { return }
      pausedSince = nil
      try guest.resume()
      pause = ContinuousClock.now - since
    }
  }

  /// Reads all tables, and lets the machine go on: what is said of it from here on was read before.
  func finish(
    _ tables: PageTables, _ memory: borrowing MemoryImage
  ) throws(CommandFailure) {
    // What is read of tables is kept, up to a limit.
    let tableCount = tables.census(in: memory).tableCount
    guard tableCount < MemoryImage.keptPageLimit else {
      throw CommandFailure(
        .badInput,
        "the machine has \(tableCount) tables, and \(MemoryImage.keptPageLimit) are kept at most",
        hint: "dump its memory, and read that")
    }
    do throws(LiveSourceError) {
      try resume()
    } catch {
      throw CommandFailure(error)
    }
  }

  /// Ends the command when the tables of a machine that went on are not any more what was read.
  func requireUnchanged(_ memory: borrowing MemoryImage) throws(CommandFailure) {
    guard isLive else { return }
    guard let count = memory.changedPageCount() else {
      throw CommandFailure(
        .badInput, "the machine is gone, so whether it changed its tables is not known")
    }
    guard count > 0 else { return }
    throw CommandFailure(
      .unproved,
      "\(counted(count, "page")) of those that were read changed meanwhile: what is said of"
        + " \(count == 1 ? "it" : "them") is of several moments [changed-while-read]",
      hint: "leave --live out: the machine is paused while its tables are read")
  }

  /// What it is, and how it was read.
  var words: String {
    switch guest {
    case .qemu(let guest):
      let way =
        guest.method == .processMemory ? "read as a process's memory" : "read by its monitor"
      if !guest.wasRunning { return "a paused QEMU, \(way)" }
      guard let pause else { return "a running QEMU, \(way) while it went on" }
      return "a running QEMU, \(way), paused for \(Self.milliseconds(pause)) ms"
    case .debugger: return "what a debugger's stub reads, which tells no ranges"
    }
  }

  private static func milliseconds(_ duration: Duration) -> String {
    let tenths =
      duration.components.seconds * 10_000
      + duration.components.attoseconds / 100_000_000_000_000
    return "\(tenths / 10).\(tenths % 10)"
  }
}

extension CommandFailure {
  /// A machine that runs cannot be asked.
  init(_ error: LiveSourceError) {
    let status: ExitStatus = if case .invalidAddress = error { .usage } else { .badInput }
    self.init(status, "\(error.message) [\(error.id)]", hint: error.hint)
  }
}
