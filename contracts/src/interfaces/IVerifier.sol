// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title IProofVerifier
/// @notice Wrapper around generated verifiers: it does the checks that those leave out (words `< r`, limbs `< 2^88`,
/// exact lengths, code present, a gas cap because an invalid curve point burns all gas that it is given).
interface IProofVerifier {
    error WordNotInField(uint256 index, uint256 got);
    error LimbTooLarge(uint256 index, uint256 got);
    error WordCount(uint256 expected, uint256 got);
    error ProofLength(uint256 expected, uint256 got);
    /// @notice An accumulator point is the identity; `index` 0 or 1. Its pairing would hold for nothing.
    error IdentityPoint(uint256 index);
    error NoCode(address implementation);
    /// @notice Direct: the key is not an address (a bit above the 160th is set).
    error KeyNotAddress(uint256 got);
    /// @notice Less gas is left than the generated verifier may need.
    error InsufficientVerifierGas(uint256 required, uint256 left);

    /// @notice Whether `proof` proves `words` under `key`. Malformed input reverts; false means that the proof is
    /// wrong.
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
/// @notice Versions of verifiers. A version is never changed or removed; a request is bound to one number for good, so
/// that a new version reaches only those who ask for it (or ask for "the latest", number 0, at the moment of asking).
///
/// Who can do what:
/// - the owner proposes versions (`addVersion`) and may cancel them before they are active. It cannot shorten `delay`,
///   change a version, thaw one, or replace the guardian sooner than `delay` from its proposal;
/// - anyone activates a proposed version once its delay is over;
/// - the guardian freezes a version, proposed or active, for good. It can do nothing else. At worst it freezes all of
///   them: then nothing is verified, open requests are refunded and new versions need `delay` to come in.
/// @dev ASSUMPTION: code on chain does not change (EIP-6780). Code hashes are compared when a version is proposed and
/// when it becomes active, not at every call. WARNING: a code hash pins one contract's code and not what that code
/// delegates to; whoever approves a version reads it.
/// WARNING: `srsDigest` says which string a router is for. That a digest belongs to a sound ceremony is for its users
/// to check; the router itself knows only the development string's.
interface IVerifierRouter {
    /// @notice Where a version stands.
    enum Status {
        None,
        Proposed,
        Cancelled,
        Active,
        Frozen
    }

    /// @notice One version.
    /// @param verifier the wrapper.
    /// @param mode 0 direct, 1 aggregated.
    /// @param shape shape id; 0 for direct.
    /// @param codeHash of the wrapper's runtime code.
    /// @param implementationCodeHash of the generated verifier behind it; 0 for direct.
    /// @param srsDigest the router's: keccak256 of the SRS's `τG₂` (64 bytes, compressed as in halo2curves).
    struct Version {
        address verifier;
        uint8 mode;
        uint32 shape;
        bytes32 codeHash;
        bytes32 implementationCodeHash;
        bytes32 srsDigest;
    }

    /// @notice A version waits; anyone may activate it from `readyAt` to `expiresAt` (seconds, both included).
    event VersionProposed(
        uint32 indexed version,
        address indexed verifier,
        bytes32 codeHash,
        bytes32 implementationCodeHash,
        uint64 readyAt,
        uint64 expiresAt
    );
    /// @notice A version is active from now on. `dev`: anyone can forge its proofs.
    event VersionAdded(
        uint32 indexed version, address indexed verifier, uint8 mode, uint32 shape, bytes32 srsDigest, bool dev
    );
    event VersionCancelled(uint32 indexed version);
    /// @notice Nothing is verified by this version ever again.
    event VersionWasFrozen(uint32 indexed version);
    /// @notice `proposed` may take the guardian's role from `readyAt` on; 0: a proposal was withdrawn.
    event GuardianProposed(address indexed guardian, address indexed proposed, uint64 readyAt);
    event GuardianChanged(address indexed previous, address indexed guardian);

    error VersionUnknown(uint32 version);
    /// @notice The version is proposed or cancelled, so nothing can be verified by it.
    error VersionNotActive(uint32 version, Status got);
    error VersionFrozen(uint32 version);
    error NoVersion(uint8 mode, uint32 shape);
    /// @notice Only a proposed version can be activated or cancelled.
    error VersionNotProposed(uint32 version, Status got);
    error DelayNotOver(uint256 readyAt, uint256 timestamp);
    /// @notice The proposal was left alone for too long; it has to be made again.
    error ProposalExpired(uint256 expiresAt, uint256 timestamp);
    error CodeHashMismatch(bytes32 expected, bytes32 got);
    error ShapeMismatch(uint32 expected, uint32 got);
    error UnknownMode(uint8 got);
    /// @notice All versions of a router share one SRS.
    error SrsMismatch(bytes32 expected, bytes32 got);
    /// @notice Constructor: 0 is no digest.
    error ZeroSrsDigest();
    /// @notice Constructor: a router for anything but the development SRS needs `MIN_DELAY <= delay <= MAX_DELAY`.
    error DelayOutOfRange(uint256 least, uint256 most, uint256 got);
    error ZeroGuardian();
    error NotGuardian(address expected, address got);
    /// @notice The caller was not proposed as guardian.
    error NotProposedGuardian(address expected, address got);

    /// @notice Owner: proposes a version. Code hashes are compared with what is deployed, now and again at activation.
    /// With a `delay` of 0 (development only) it is active at once.
    /// @param srsDigest must be the router's.
    /// @return version its number, from 1. Numbers of proposals that never became active stay unused.
    function addVersion(address verifier, bytes32 codeHash, bytes32 implementationCodeHash, bytes32 srsDigest)
        external
        returns (uint32 version);

    /// @notice Anyone: makes a proposed version active, from `readyAt` to `expiresAt`. Reverts if the code that was
    /// approved, or the mode and shape that it named, is not what stands there now.
    function activate(uint32 version) external;

    /// @notice Owner: drops a proposed version.
    function cancel(uint32 version) external;

    /// @notice Guardian: ends a proposed or active version for good. Open requests of it become refundable at once.
    function freeze(uint32 version) external;

    /// @notice Owner: names the next guardian, who takes over by `acceptGuardian` after `delay`. A further proposal
    /// replaces this one and waits anew; 0 withdraws it. The delay is there so that an owner cannot rid itself of a
    /// guardian who is about to freeze; the acceptance, so that the role is never handed to a key that nobody holds.
    function proposeGuardian(address next) external;

    /// @notice The proposed guardian, after the delay: takes the role.
    function acceptGuardian() external;

    /// @notice The version, active or frozen; reverts with `VersionUnknown` or `VersionNotActive`.
    /// WARNING: a frozen version is still described: use `verifierOf` or `isFrozen` before relying on one.
    function versionOf(uint32 version) external view returns (Version memory);

    /// @notice Any number ever given: what was proposed and where it stands. `readyAt` and `expiresAt` are those of the
    /// proposal. Reverts with `VersionUnknown`.
    function proposalOf(uint32 version)
        external
        view
        returns (Version memory proposal, Status status, uint64 readyAt, uint64 expiresAt);

    /// @notice Wrapper of an active version; reverts with `VersionUnknown`, `VersionNotActive` or `VersionFrozen`.
    function verifierOf(uint32 version) external view returns (address);

    /// @notice Whether the guardian ended this version. False for numbers that were never given.
    function isFrozen(uint32 version) external view returns (bool);

    /// @notice Greatest number among the active, not frozen versions of mode and shape (shape 0 if direct), in whatever
    /// order they were activated; reverts with `NoVersion`.
    function latestOf(uint8 mode, uint32 shape) external view returns (uint32 version);

    /// @notice Numbers given so far, those of proposals included.
    function versionCount() external view returns (uint32);

    /// @notice The one SRS that every version of this router uses.
    function srsDigest() external view returns (bytes32);

    /// @notice True if that is the development SRS: anyone can forge proofs. Whoever wants production refuses then.
    function isDev() external view returns (bool);

    /// @notice Seconds from a proposal to its activation; never changes.
    function delay() external view returns (uint64);

    /// @notice Seconds after `readyAt` during which a proposal may be activated.
    function ACTIVATION_WINDOW() external view returns (uint64);

    function guardian() external view returns (address);

    /// @notice The proposed guardian and from when on it may accept; zeros if there is none.
    function pendingGuardian() external view returns (address next, uint64 readyAt);
}
