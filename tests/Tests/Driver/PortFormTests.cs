namespace Verbena.Tests.Driver;

[Collection("emulated NIC")]
public sealed class IbvPortTests() : RdmaPortTests(PortForm.Ibv);

[Collection("emulated NIC")]
public sealed class IbvSoakTests() : SoakTests(PortForm.Ibv);

[Collection("emulated NIC")]
public sealed class OneBufferPortTests() : RdmaPortTests(PortForm.OneBuffer);

[Collection("emulated NIC")]
public sealed class OneBufferSoakTests() : SoakTests(PortForm.OneBuffer);

[Collection("emulated NIC")]
public sealed class OneBufferHashPortTests() : RdmaPortTests(PortForm.OneBufferHash);

[Collection("emulated NIC")]
public sealed class OneBufferHashSoakTests() : SoakTests(PortForm.OneBufferHash);

[Collection("emulated NIC")]
public sealed class OneBufferChecksumPortTests() : RdmaPortTests(PortForm.OneBufferChecksum);

[Collection("emulated NIC")]
public sealed class OneBufferChecksumSoakTests() : SoakTests(PortForm.OneBufferChecksum);

[Collection("emulated NIC")]
public sealed class ScatteredPortTests() : RdmaPortTests(PortForm.Scattered);

[Collection("emulated NIC")]
public sealed class ScatteredSoakTests() : SoakTests(PortForm.Scattered);

[Collection("emulated NIC")]
public sealed class ScatteredHashPortTests() : RdmaPortTests(PortForm.ScatteredHash);

[Collection("emulated NIC")]
public sealed class ScatteredHashSoakTests() : SoakTests(PortForm.ScatteredHash);

[Collection("emulated NIC")]
public sealed class StridingPortTests() : RdmaPortTests(PortForm.Striding);

[Collection("emulated NIC")]
public sealed class StridingSoakTests() : SoakTests(PortForm.Striding);

[Collection("emulated NIC")]
public sealed class StridingStrideIndexPortTests() : RdmaPortTests(PortForm.StridingStrideIndex);

[Collection("emulated NIC")]
public sealed class StridingStrideIndexSoakTests() : SoakTests(PortForm.StridingStrideIndex);

[Collection("emulated NIC")]
public sealed class ConnectX4PortTests() : RdmaPortTests(PortForm.ConnectX4);

[Collection("emulated NIC")]
public sealed class ConnectX4SoakTests() : SoakTests(PortForm.ConnectX4);
