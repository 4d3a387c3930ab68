// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title IProofVerifier
/// @notice Wrapper around generated verifiers: it does the checks that those leave out (words `< r`, limbs `< 2^88`, exact
/// lengths, code present, a gas cap because an invalid curve point burns all gas that it is given).
interface IProofVerifier {
    error WordNotInField(uint256 index, uint256 got);
    error LimbTooLarge(uint256 index, uint256 got);
    error WordCount(uint256 expected, uint256 got);
    error ProofLength(uint256 expected, uint256 got);
    /// @notice An accumulator point is the identity; `index` 0 or 1. Its pairing would hold for nothing.
    error IdentityPoint(uint256 index);
    error NoCode(address implementation);
    /// @notice Less gas is left than the generated verifier may need.
    error InsufficientVerifierGas(uint256 required, uint256 left);

    /// @notice Whether `proof` proves `words` under `key`. Malformed input reverts; false means that the proof is wrong.
    /// @param key aggregated: the inner key's digest; direct: the generated verifier's address as an integer.
    /// @param words instance words: exactly the shape's number if aggregated (padded with 0), those in use if direct.
    /// @param proofLength length that the model pins (direct); not looked at if aggregated, where the wrapper pins it.
    /// @param proof direct: the proof; aggregated: 12 accumulator limbs, then the proof.
    function verify(uint256 key, uint256[] calldata words, uint256 proofLength, bytes calldata proof)
        external
        view
        returns (bool);

    /// @notice 0 direct, 1 aggregated.
    function mode() external view returns (uint8);

    /// @notice Shape id of an aggregated verifier; 0 for direct.
    function shape() external view returns (uint32);

    /// @notice Gas that a generated verifier is given, no more and no less.
    function gasCap() external view returns (uint256);

    /// @notice The generated verifier of an aggregated wrapper; 0 for direct, where each model has its own.
    function implementation() external view returns (address);
}

/// @title IVerifierRouter
/// @notice Versions of verifiers. A version is never changed or removed; a request names one, so that a new version
/// reaches only those that ask for it.
/// @dev Timelock on adding and the guardian's freeze are not in this form.
interface IVerifierRouter {
    /// @notice One version.
    /// @param verifier the wrapper.
    /// @param mode 0 direct, 1 aggregated.
    /// @param shape shape id; 0 for direct.
    /// @param codeHash of the wrapper's runtime code.
    /// @param implementationCodeHash of the generated verifier behind it; 0 for direct.
    /// @param srsDigest keccak256 of the SRS's `τG₂` (64 bytes, compressed as in halo2curves).
    struct Version {
        address verifier;
        uint8 mode;
        uint32 shape;
        bytes32 codeHash;
        bytes32 implementationCodeHash;
        bytes32 srsDigest;
    }

    event VersionAdded(
        uint32 indexed version, address indexed verifier, uint8 mode, uint32 shape, bytes32 srsDigest, bool dev
    );

    error VersionUnknown(uint32 version);
    error NoVersion(uint8 mode, uint32 shape);
    error CodeHashMismatch(bytes32 expected, bytes32 got);
    error ShapeMismatch(uint32 expected, uint32 got);
    error DevSrsRefused(bytes32 srsDigest);
    error UnknownMode(uint8 got);

    /// @notice Owner: adds a version; code hashes are compared with what is deployed.
    /// @return version its number, from 1.
    function addVersion(address verifier, bytes32 codeHash, bytes32 implementationCodeHash, bytes32 srsDigest)
        external
        returns (uint32 version);

    /// @notice The version; reverts with `VersionUnknown`.
    function versionOf(uint32 version) external view returns (Version memory);

    /// @notice Wrapper of a version; reverts with `VersionUnknown`.
    function verifierOf(uint32 version) external view returns (address);

    /// @notice Newest version for mode and shape (shape 0 if direct); reverts with `NoVersion`.
    function latestOf(uint8 mode, uint32 shape) external view returns (uint32 version);

    /// @notice Whether the guardian has frozen the version.
    function isFrozen(uint32 version) external view returns (bool);

    /// @notice Digest of the one SRS that every version of this router uses.
    function srsDigest() external view returns (bytes32);

    function versionCount() external view returns (uint32);

    /// @notice Digest of the insecure development SRS.
    function devSrsDigest() external view returns (bytes32);

    /// @notice True if this version's SRS is the development one: anyone can forge its proofs.
    function isDev(uint32 version) external view returns (bool);

    /// @notice False: versions of the development SRS are refused.
    function allowsDev() external view returns (bool);
}
