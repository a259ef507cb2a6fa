using Verbena.Driver.Objects;

namespace Verbena.Tests.Driver;

public sealed class IndirectionTableTests
{
    [Theory]
    [InlineData(1, 2048, 1)]
    [InlineData(2, 2048, 2)]
    [InlineData(64, 2048, 64)]
    [InlineData(3, 2048, 64)]
    [InlineData(100, 2048, 2048)]
    [InlineData(100, 512, 512)]
    [InlineData(3, 0, 4)] // a NIC that does not tell its limit
    public void A_number_of_queues_that_is_no_power_of_two_gets_a_longer_table(int queues, int maxEntries, int entries) =>
        Assert.Equal(entries, IndirectionTable.Size(queues, maxEntries));
}
