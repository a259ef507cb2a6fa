using Xunit.Sdk;
using Xunit.v3;

// Each test starts polling threads of its own; on a machine of two cores they would measure each other.
[assembly: Parallelization(Mode = ParallelMode.None)]
