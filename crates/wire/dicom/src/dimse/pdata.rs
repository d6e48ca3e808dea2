//! P-DATA-TF PDUs: written with even fragments, within what the peer takes. PS3.8 section 9.3.5.

/// Octets of a PDV before its data: length, context id, message control header.
pub(super) const PDV_HEADER: usize = 6;

/// The longest even fragment that fits a PDU of `max_pdu` octets (0 is no limit).
pub(super) fn fragment_limit(max_pdu: u32) -> usize {
    const OURS: u32 = 131_072;
    let limit = if max_pdu == 0 { OURS } else { max_pdu.min(OURS) };
    // A peer that takes less than a header and two octets takes nothing; it still gets the smallest PDUs there are.
    ((limit as usize).saturating_sub(PDV_HEADER) & !1).max(2)
}

/// Writes one PDU with one PDV.
pub(super) fn write(out: &mut Vec<u8>, context: u8, command: bool, last: bool, parts: [&[u8]; 2]) {
    let length = parts[0].len() + parts[1].len();
    out.reserve(length + 12);
    out.extend_from_slice(&[0x04, 0x00]);
    out.extend_from_slice(&((length + PDV_HEADER) as u32).to_be_bytes());
    out.extend_from_slice(&((length + 2) as u32).to_be_bytes());
    out.extend_from_slice(&[context, u8::from(command) | u8::from(last) << 1]);
    out.extend_from_slice(parts[0]);
    out.extend_from_slice(parts[1]);
}
