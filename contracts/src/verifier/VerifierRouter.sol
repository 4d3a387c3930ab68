// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";

import {IProofVerifier, IVerifierRouter} from "../interfaces/IVerifier.sol";
import {SrsDigests} from "../libraries/SrsDigests.sol";

/// @title VerifierRouter
/// @notice See IVerifierRouter. The owner proposes, time activates, the guardian freezes.
/// @dev Storage: slot 0 owner; 1 pending owner; 2 guardian and version count; 3 proposed guardian and its time;
/// 4 `_entries`; 5 `_latest`. No proxy, so nothing depends on the order.
contract VerifierRouter is IVerifierRouter, Ownable2Step {
    /// @dev The first five members share a slot: `verifierOf` costs one load.
    /// @param previous next lower active version of the same mode and shape when this one was linked in; 0: none.
    struct Entry {
        address verifier;
        uint8 mode;
        uint32 shape;
        Status status;
        uint32 previous;
        bytes32 codeHash;
        bytes32 implementationCodeHash;
        uint64 readyAt;
    }

    uint8 private constant AGGREGATED = 1;

    /// @notice Least `delay` of a router for production, seconds.
    uint64 public constant MIN_DELAY = 2 days;
    /// @notice Greatest `delay`, seconds: a longer one would be a mistake in units.
    uint64 public constant MAX_DELAY = 60 days;
    /// @inheritdoc IVerifierRouter
    uint64 public constant ACTIVATION_WINDOW = 14 days;

    /// @inheritdoc IVerifierRouter
    bytes32 public immutable srsDigest;
    /// @inheritdoc IVerifierRouter
    uint64 public immutable delay;

    /// @inheritdoc IVerifierRouter
    address public guardian;
    /// @inheritdoc IVerifierRouter
    uint32 public versionCount;
    address private _nextGuardian;
    uint64 private _nextGuardianAt;

    mapping(uint32 version => Entry) private _entries;
    /// @dev Head of the chain of active versions, greatest number first. Frozen ones are taken off the head only.
    mapping(uint8 mode => mapping(uint32 shape => uint32)) private _latest;

    /// @param owner_ proposes versions.
    /// @param guardian_ freezes them; not 0.
    /// @param srsDigest_ the SRS of all versions; not 0.
    /// @param delay_ seconds; `MIN_DELAY` at least unless `srsDigest_` is that of the development SRS.
    constructor(address owner_, address guardian_, bytes32 srsDigest_, uint64 delay_) Ownable(owner_) {
        if (guardian_ == address(0)) revert ZeroGuardian();
        if (srsDigest_ == 0) revert ZeroSrsDigest();
        uint64 least = srsDigest_ == SrsDigests.DEV_SRS_DIGEST ? 0 : MIN_DELAY;
        if (delay_ < least || delay_ > MAX_DELAY) revert DelayOutOfRange(least, MAX_DELAY, delay_);
        guardian = guardian_;
        srsDigest = srsDigest_;
        delay = delay_;
        emit GuardianChanged(address(0), guardian_);
    }

    // ---------------------------------------------------------------- versions

    /// @inheritdoc IVerifierRouter
    function addVersion(address verifier, bytes32 codeHash, bytes32 implementationCodeHash, bytes32 srsDigest_)
        external
        onlyOwner
        returns (uint32 version)
    {
        if (srsDigest_ != srsDigest) revert SrsMismatch(srsDigest, srsDigest_);
        (uint8 mode, uint32 shape) = _inspect(verifier, codeHash, implementationCodeHash);
        version = ++versionCount;
        Entry storage entry = _entries[version];
        entry.verifier = verifier;
        entry.mode = mode;
        entry.shape = shape;
        entry.status = Status.Proposed;
        entry.codeHash = codeHash;
        entry.implementationCodeHash = implementationCodeHash;
        entry.readyAt = uint64(block.timestamp) + delay;
        emit VersionProposed(
            version, verifier, codeHash, implementationCodeHash, entry.readyAt, entry.readyAt + ACTIVATION_WINDOW
        );
        if (delay == 0) _activate(version, entry);
    }

    /// @inheritdoc IVerifierRouter
    function activate(uint32 version) external {
        Entry storage entry = _proposed(version);
        uint256 readyAt = entry.readyAt;
        if (block.timestamp < readyAt) revert DelayNotOver(readyAt, block.timestamp);
        uint256 expiresAt = readyAt + ACTIVATION_WINDOW;
        if (block.timestamp > expiresAt) revert ProposalExpired(expiresAt, block.timestamp);
        // The mode cannot have changed: of the two, only the aggregated one comes with an implementation's code hash.
        (, uint32 shape) = _inspect(entry.verifier, entry.codeHash, entry.implementationCodeHash);
        if (shape != entry.shape) revert ShapeMismatch(entry.shape, shape);
        _activate(version, entry);
    }

    /// @inheritdoc IVerifierRouter
    function cancel(uint32 version) external onlyOwner {
        _proposed(version).status = Status.Cancelled;
        emit VersionCancelled(version);
    }

    /// @inheritdoc IVerifierRouter
    function freeze(uint32 version) external {
        if (msg.sender != guardian) revert NotGuardian(guardian, msg.sender);
        Entry storage entry = _known(version);
        Status status = entry.status;
        if (status == Status.Frozen) revert VersionFrozen(version);
        if (status == Status.Cancelled) revert VersionNotActive(version, status);
        entry.status = Status.Frozen;
        emit VersionWasFrozen(version);
        if (_latest[entry.mode][entry.shape] != version) return;
        // Passes over versions that the guardian froze one by one before, each of them once in the router's life.
        uint32 next = entry.previous;
        while (next != 0 && _entries[next].status == Status.Frozen) next = _entries[next].previous;
        _latest[entry.mode][entry.shape] = next;
    }

    // ---------------------------------------------------------------- guardian

    /// @inheritdoc IVerifierRouter
    function proposeGuardian(address next) external onlyOwner {
        _nextGuardian = next;
        _nextGuardianAt = next == address(0) ? 0 : uint64(block.timestamp) + delay;
        emit GuardianProposed(guardian, next, _nextGuardianAt);
    }

    /// @inheritdoc IVerifierRouter
    function acceptGuardian() external {
        address next = _nextGuardian;
        if (msg.sender != next) revert NotProposedGuardian(next, msg.sender);
        if (block.timestamp < _nextGuardianAt) revert DelayNotOver(_nextGuardianAt, block.timestamp);
        emit GuardianChanged(guardian, next);
        guardian = next;
        _nextGuardian = address(0);
        _nextGuardianAt = 0;
    }

    // ----------------------------------------------------------------- reading

    /// @inheritdoc IVerifierRouter
    function versionOf(uint32 version) external view returns (Version memory) {
        Entry storage entry = _known(version);
        Status status = entry.status;
        if (status != Status.Active && status != Status.Frozen) revert VersionNotActive(version, status);
        return _describe(entry);
    }

    /// @inheritdoc IVerifierRouter
    function proposalOf(uint32 version)
        external
        view
        returns (Version memory proposal, Status status, uint64 readyAt, uint64 expiresAt)
    {
        Entry storage entry = _known(version);
        return (_describe(entry), entry.status, entry.readyAt, entry.readyAt + ACTIVATION_WINDOW);
    }

    /// @inheritdoc IVerifierRouter
    function verifierOf(uint32 version) external view returns (address) {
        Entry storage entry = _entries[version];
        Status status = entry.status;
        if (status == Status.Active) return entry.verifier;
        if (status == Status.None) revert VersionUnknown(version);
        if (status == Status.Frozen) revert VersionFrozen(version);
        revert VersionNotActive(version, status);
    }

    /// @inheritdoc IVerifierRouter
    function isFrozen(uint32 version) external view returns (bool) {
        return _entries[version].status == Status.Frozen;
    }

    /// @inheritdoc IVerifierRouter
    function latestOf(uint8 mode, uint32 shape) external view returns (uint32 version) {
        version = _latest[mode][shape];
        if (version == 0) revert NoVersion(mode, shape);
    }

    /// @inheritdoc IVerifierRouter
    function isDev() public view returns (bool) {
        return srsDigest == SrsDigests.DEV_SRS_DIGEST;
    }

    /// @inheritdoc IVerifierRouter
    function pendingGuardian() external view returns (address next, uint64 readyAt) {
        return (_nextGuardian, _nextGuardianAt);
    }

    // --------------------------------------------------------------- internals

    /// @dev Versions may be activated in another order than they were proposed: the chain is kept sorted, so that who
    /// activates has no say in which one is the latest. The walk is over versions that the owner proposed later.
    function _activate(uint32 version, Entry storage entry) private {
        entry.status = Status.Active;
        (uint8 mode, uint32 shape) = (entry.mode, entry.shape);
        uint32 next = _latest[mode][shape];
        if (next < version) {
            entry.previous = next;
            _latest[mode][shape] = version;
        } else {
            while (_entries[next].previous > version) next = _entries[next].previous;
            entry.previous = _entries[next].previous;
            _entries[next].previous = version;
        }
        emit VersionAdded(version, entry.verifier, mode, shape, srsDigest, isDev());
    }

    /// @dev What a wrapper says of itself, after its code was compared.
    function _inspect(address verifier, bytes32 codeHash, bytes32 implementationCodeHash)
        private
        view
        returns (uint8 mode, uint32 shape)
    {
        _checkCode(verifier, codeHash);
        IProofVerifier wrapper = IProofVerifier(verifier);
        mode = wrapper.mode();
        if (mode > AGGREGATED) revert UnknownMode(mode);
        shape = wrapper.shape();
        if (mode == AGGREGATED) {
            if (shape == 0) revert ShapeMismatch(1, 0);
            _checkCode(wrapper.implementation(), implementationCodeHash);
        } else {
            if (shape != 0) revert ShapeMismatch(0, shape);
            if (implementationCodeHash != 0) revert CodeHashMismatch(0, implementationCodeHash);
        }
    }

    /// @dev An account without code never passes: its hash is 0 or that of nothing.
    function _checkCode(address account, bytes32 expected) private view {
        bytes32 got = account.codehash;
        if (account.code.length == 0 || got != expected) revert CodeHashMismatch(expected, got);
    }

    function _known(uint32 version) private view returns (Entry storage entry) {
        entry = _entries[version];
        if (entry.status == Status.None) revert VersionUnknown(version);
    }

    function _proposed(uint32 version) private view returns (Entry storage entry) {
        entry = _known(version);
        if (entry.status != Status.Proposed) revert VersionNotProposed(version, entry.status);
    }

    function _describe(Entry storage entry) private view returns (Version memory) {
        return Version({
            verifier: entry.verifier,
            mode: entry.mode,
            shape: entry.shape,
            codeHash: entry.codeHash,
            implementationCodeHash: entry.implementationCodeHash,
            srsDigest: srsDigest
        });
    }
}
