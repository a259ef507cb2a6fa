using Verbena.Driver;
using Verbena.Driver.Direct;
using Verbena.Interop.Mlx5;
using Verbena.Interop.Verbs;

namespace Verbena.Tests.Driver;

/// <summary>What is read from completions that tell of an error.</summary>
public sealed unsafe class CompletionErrorTests
{
    [Theory]
    [InlineData(0x01, ibv_wc_status.IBV_WC_LOC_LEN_ERR)]
    [InlineData(0x02, ibv_wc_status.IBV_WC_LOC_QP_OP_ERR)]
    [InlineData(0x04, ibv_wc_status.IBV_WC_LOC_PROT_ERR)]
    [InlineData(0x05, ibv_wc_status.IBV_WC_WR_FLUSH_ERR)]
    [InlineData(0x06, ibv_wc_status.IBV_WC_MW_BIND_ERR)]
    [InlineData(0x10, ibv_wc_status.IBV_WC_BAD_RESP_ERR)]
    [InlineData(0x11, ibv_wc_status.IBV_WC_LOC_ACCESS_ERR)]
    [InlineData(0x12, ibv_wc_status.IBV_WC_REM_INV_REQ_ERR)]
    [InlineData(0x13, ibv_wc_status.IBV_WC_REM_ACCESS_ERR)]
    [InlineData(0x14, ibv_wc_status.IBV_WC_REM_OP_ERR)]
    [InlineData(0x15, ibv_wc_status.IBV_WC_RETRY_EXC_ERR)]
    [InlineData(0x16, ibv_wc_status.IBV_WC_RNR_RETRY_EXC_ERR)]
    [InlineData(0x22, ibv_wc_status.IBV_WC_REM_ABORT_ERR)]
    [InlineData(0x77, ibv_wc_status.IBV_WC_GENERAL_ERR)] // not known
    public void A_syndrome_is_what_libmlx5_makes_of_it_and_the_vendors_own_code_is_kept(byte syndrome, ibv_wc_status status)
    {
        var completion = new mlx5_err_cqe { syndrome = syndrome, vendor_err_synd = 0x52 };
        Assert.Equal(new CompletionError(status, 0x52), CompletionRing.ErrorOf((mlx5_cqe64*)&completion));
    }

    [Fact]
    public void Errors_are_told_by_status_with_the_last_code_of_the_vendor()
    {
        var errors = new QueueErrors();
        errors.Count(new CompletionError(ibv_wc_status.IBV_WC_LOC_PROT_ERR, 0x51));
        errors.Count(new CompletionError(ibv_wc_status.IBV_WC_WR_FLUSH_ERR, 0xF9));
        errors.Count(new CompletionError(ibv_wc_status.IBV_WC_LOC_PROT_ERR, 0x52));
        Assert.Equal("IBV_WC_LOC_PROT_ERR 2 (last vendor syndrome 0x52), IBV_WC_WR_FLUSH_ERR 1 (last vendor syndrome 0xf9)", errors.ToString());
        Assert.Equal(3UL, errors.Total);
    }
}
