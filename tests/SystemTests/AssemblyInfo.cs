using Xunit;

// Each test starts polling threads of its own; on a machine of two cores they would measure each other.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
