namespace Verbena.Emulator.Nic;

/// <summary>The CRC at the end of a frame on the wire (IEEE 802.3, 3.2.9). In memory its least significant byte comes first.</summary>
internal static class FrameCheckSequence
{
    public const int Bytes = 4;

    private const uint Polynomial = 0xEDB8_8320; // 0x04C11DB7, least significant bit first as on the wire
    private static readonly uint[] s_table = Table();

    public static uint Compute(ReadOnlySpan<byte> frame)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in frame)
        {
            crc = s_table[(byte)(crc ^ b)] ^ (crc >> 8);
        }

        return ~crc;
    }

    private static uint[] Table()
    {
        uint[] table = new uint[256];
        for (uint value = 0; value < table.Length; value++)
        {
            uint crc = value;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ ((crc & 1) != 0 ? Polynomial : 0);
            }

            table[value] = crc;
        }

        return table;
    }
}
