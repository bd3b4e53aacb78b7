// LiveMachine: a machine that runs while its tables are read.

import Glibc
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
  private var oldMask = sigset_t()

  init(_ guest: Guest, isLive: Bool) {
    self.guest = guest
    self.isLive = isLive
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
        return LiveMachine(.debugger(try GDBStub(address: address)), isLive: false)
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
  ///
  /// Signals that end the program wait until it goes on again: it would stay stopped.
  func pauseIfWanted() throws(LiveSourceError) {
    guard !isLive, case .qemu(let guest) = guest, guest.wasRunning else { return }
    var mask = sigset_t()
    // SAFETY: the masks are variables of this process.
    unsafe sigemptyset(&mask)
    for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] { unsafe sigaddset(&mask, number) }
    unsafe pthread_sigmask(SIG_BLOCK, &mask, &oldMask)
    pausedSince = .now
    try guest.pause()
  }

  /// Lets a machine go on that was stopped.
  func resume() throws(LiveSourceError) {
    guard let since = pausedSince, case .qemu(let guest) = guest else { return }
    pausedSince = nil
    defer {
      // SAFETY: the mask was written when the signals were blocked.
      unsafe pthread_sigmask(SIG_SETMASK, &oldMask, nil)
    }
    try guest.resume()
    pause = ContinuousClock.now - since
  }

  /// Reads all tables, and lets the machine go on: what is said of it from here on was read before.
  func finish(
    _ tables: PageTables, _ memory: borrowing MemoryImage
  ) throws(CommandFailure) {
    // What is read of tables is kept.
    _ = tables.census(in: memory)
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
    case .debugger: return "what a debugger's stub reads"
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
