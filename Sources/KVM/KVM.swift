// KVM: who executes.
