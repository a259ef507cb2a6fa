namespace Verbena.Tests.Driver;

[Collection("emulated NIC")]
public sealed class IbvPortTests() : RdmaPortTests(PortForm.Ibv);

[Collection("emulated NIC")]
public sealed class SinglePortTests() : RdmaPortTests(PortForm.Single);

[Collection("emulated NIC")]
public sealed class SingleHashPortTests() : RdmaPortTests(PortForm.SingleHash);

[Collection("emulated NIC")]
public sealed class SingleChecksumPortTests() : RdmaPortTests(PortForm.SingleChecksum);

[Collection("emulated NIC")]
public sealed class ScatteredPortTests() : RdmaPortTests(PortForm.Scattered);

[Collection("emulated NIC")]
public sealed class ScatteredHashPortTests() : RdmaPortTests(PortForm.ScatteredHash);

[Collection("emulated NIC")]
public sealed class StridingPortTests() : RdmaPortTests(PortForm.Striding);

[Collection("emulated NIC")]
public sealed class StridingStrideIndexPortTests() : RdmaPortTests(PortForm.StridingStrideIndex);

[Collection("emulated NIC")]
public sealed class ConnectX4PortTests() : RdmaPortTests(PortForm.ConnectX4);
