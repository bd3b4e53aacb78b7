// BootError: why a kernel could not be booted at all.

package import Probe

/// The reason nothing can be said about a kernel.
package enum BootError: Error, Hashable, Sendable {
  /// Its file is none that can be booted.
  case kernel(KernelFileError)
  /// It cannot be put into memory, or be given tables.
  case layout(BootLayoutError)
  /// The machine cannot be had, or stopped working.
  case machine(MachineError)

  /// The stable name of the case, the same in every output format.
  package var id: String {
    switch self {
    case .kernel(let error): error.id
    case .layout(let error): error.id
    case .machine(let error): error.id
    }
  }

  /// What happened, in lower case and without a full stop.
  package var message: String {
    switch self {
    case .kernel(let error): error.message
    case .layout(let error): error.message
    case .machine(let error): error.message
    }
  }

  /// What to do about it.
  package var hint: String {
    switch self {
    case .kernel(let error): error.hint
    case .layout(let error): error.hint
    case .machine(let error): error.hint
    }
  }
}
