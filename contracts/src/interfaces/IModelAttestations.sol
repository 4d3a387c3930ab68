// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title IModelAttestations
/// @notice Who says that it compiled a model again and got the digests that the model's id commits to (`dodona model
/// verify`). Anyone may say so. `modelId` is the hash of the whole spec, every key digest included, so an attestation
/// is about exactly these digests and can never be carried over to others.
/// @dev WARNING: the list proves nothing by itself. Anyone can add any number of accounts to it: do not count entries,
/// look for the attesters that you trust with `attestationOf`. For a private model an attester has been shown the
/// files. Signed attestations are EIP-712 data in the domain `("Dodona ModelRegistry", "1", chainid, this)`, of type
/// `Attestation(bytes32 modelId,bytes32 statementHash,address attester,uint256 nonce,uint256 deadline)`.
interface IModelAttestations {
    /// @notice One account's word on one model.
    /// @param attester who says so.
    /// @param attestedAt seconds since 1970; of the newer statement if it attested again after a revocation.
    /// @param revokedAt when it took it back; 0: it stands.
    /// @param statementHash keccak256 of what exactly is stated (a report, a version of the compiler); 0 if nothing
    /// more.
    struct Attestation {
        address attester;
        uint40 attestedAt;
        uint40 revokedAt;
        bytes32 statementHash;
    }

    event Attested(bytes32 indexed modelId, address indexed attester, bytes32 statementHash);
    event AttestationRevoked(bytes32 indexed modelId, address indexed attester);
    /// @notice Signed attestations of `attester` with a nonce below `nonce` that nobody submitted are void.
    event NonceUsed(address indexed attester, uint256 nonce);

    error AlreadyAttested(bytes32 modelId, address attester);
    error NotAttested(bytes32 modelId, address attester);
    error SignatureExpired(uint256 deadline, uint256 timestamp);
    error BadAttestationSignature(address attester);

    /// @notice Caller: states that it compiled `modelId` again. One standing attestation for each model and account.
    function attest(bytes32 modelId, bytes32 statementHash) external;

    /// @notice The same for `attester`, who signed it with its next nonce; also for contracts that know ERC-1271.
    /// @param deadline last second at which the signature is good.
    function attestBySig(
        bytes32 modelId,
        bytes32 statementHash,
        address attester,
        uint256 deadline,
        bytes calldata signature
    ) external;

    /// @notice Caller: takes its attestation back. It stays in the list, marked; the caller may attest anew.
    function revokeAttestation(bytes32 modelId) external;

    /// @notice Caller: makes what it signed and nobody submitted void, by using up its nonce.
    function voidSignature() external;

    /// @notice What `attester` says; all zero if it never attested.
    function attestationOf(bytes32 modelId, address attester) external view returns (Attestation memory);

    /// @notice Entries of the list, revoked ones included.
    function attestationCount(bytes32 modelId) external view returns (uint256);

    /// @notice Entries `from` to `from + limit - 1`, or fewer at the end, in the order of their first attestation. An
    /// entry never moves.
    function attestations(bytes32 modelId, uint256 from, uint256 limit) external view returns (Attestation[] memory);

    /// @notice Next nonce of an attester's signature.
    function attestationNonce(address attester) external view returns (uint256);

    /// @notice What `attester` signs.
    function attestationDigest(
        bytes32 modelId,
        bytes32 statementHash,
        address attester,
        uint256 nonce,
        uint256 deadline
    ) external view returns (bytes32);
}
