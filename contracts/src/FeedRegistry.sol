// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {PublisherBonds} from "./PublisherBonds.sol";
import {IFeedRegistry} from "./interfaces/IFeedRegistry.sol";
import {IPublisherBonds} from "./interfaces/IPublisherBonds.sol";
import {Words} from "./libraries/Words.sol";

/// @title FeedRegistry
/// @notice See IFeedRegistry. No owner: each feed has its own.
/// @dev Storage: slot 0 `_bonds`; 1 rewards; 2 totals; 3 and 4 fallbacks of EIP712 (unused, its strings are short);
/// 5 `_feeds`; 6 `_members`. No proxy, so nothing depends on the order.
contract FeedRegistry is IFeedRegistry, PublisherBonds, EIP712 {
    bytes32 private constant HEADER_TYPEHASH = keccak256(
        "ObservationHeader(bytes32 feedId,uint32 setEpoch,uint64 seq,uint256 commitment,uint64 observedAt,uint64 validUntil)"
    );
    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;
    uint256 private constant MAX_LENGTH = 1 << 16;

    /// @notice Most publishers in one set.
    uint256 public constant MAX_PUBLISHERS = 32;
    /// @inheritdoc IFeedRegistry
    uint64 public constant MAX_SKEW = 15;
    /// @inheritdoc IFeedRegistry
    uint64 public constant MAX_OVERLAP = 1 days;

    mapping(bytes32 feedId => Feed) private _feeds;
    mapping(bytes32 feedId => mapping(uint32 epoch => mapping(address publisher => bool))) private _members;

    constructor() EIP712("Dodona FeedRegistry", "1") {}

    // ---------------------------------------------------------- feeds and sets

    /// @inheritdoc IFeedRegistry
    function createFeed(
        bytes32 schemaHash,
        uint32 length,
        uint64 period,
        uint96 minBond,
        address[] calldata publishers,
        bytes32 salt
    ) external returns (bytes32 feedId) {
        if (schemaHash == 0) revert BadFeed("schemaHash", 0);
        if (length == 0 || length > MAX_LENGTH) revert BadFeed("length", length);
        if (period == 0) revert BadFeed("period", 0);
        feedId = feedIdOf(msg.sender, schemaHash, length, period, minBond, salt);
        if (_feeds[feedId].epoch != 0) revert FeedExists(feedId);
        _feeds[feedId] = Feed({
            owner: msg.sender,
            length: length,
            minBond: minBond,
            period: period,
            previousUntil: 0,
            epoch: 1,
            schemaHash: schemaHash
        });
        emit FeedCreated(feedId, msg.sender, schemaHash, length, period, minBond);
        _startSet(feedId, 1, publishers);
        emit PublisherSet(feedId, 1, publishers, 0);
    }

    /// @inheritdoc IFeedRegistry
    function rotate(bytes32 feedId, address[] calldata publishers, uint64 overlap) external returns (uint32 epoch) {
        Feed storage feed = _owned(feedId);
        if (overlap > MAX_OVERLAP) revert OverlapTooLong(MAX_OVERLAP, overlap);
        epoch = ++feed.epoch;
        uint64 until = uint64(block.timestamp) + overlap;
        feed.previousUntil = until;
        _startSet(feedId, epoch, publishers);
        emit PublisherSet(feedId, epoch, publishers, until);
    }

    /// @inheritdoc IFeedRegistry
    function revoke(bytes32 feedId, address publisher) external {
        _owned(feedId);
        Bond storage entry = _bonds[feedId][publisher];
        if (entry.revoked) revert PublisherIsRevoked(feedId, publisher);
        entry.revoked = true;
        emit PublisherRevoked(feedId, publisher);
    }

    // ------------------------------------------------------------------- bonds

    /// @inheritdoc IPublisherBonds
    function bond(bytes32 feedId, address publisher) external payable {
        if (_feeds[feedId].epoch == 0) revert FeedUnknown(feedId);
        if (publisher == address(0)) revert BadFeed("publisher", 0);
        if (_bonds[feedId][publisher].revoked) revert PublisherIsRevoked(feedId, publisher);
        _bond(feedId, publisher);
    }

    /// @inheritdoc IFeedRegistry
    /// @dev The time of a number is `seq * period`, not what the headers say of it: a second header with a made-up
    /// `observedAt` neither reopens the window nor closes it.
    function reportEquivocation(
        ObservationHeader calldata headerA,
        bytes calldata signatureA,
        ObservationHeader calldata headerB,
        bytes calldata signatureB
    ) external returns (address publisher, uint256 reward) {
        (bytes32 digestA, bytes32 digestB) = _twoOfOneSlot(headerA, headerB);
        publisher = _recover(digestA, signatureA);
        address other = _recover(digestB, signatureB);
        if (publisher != other) revert SignersDiffer(publisher, other);
        _checkMember(headerA.feedId, headerA.setEpoch, publisher);
        _checkWindow(headerA);
        Bond storage entry = _bonds[headerA.feedId][publisher];
        if (entry.slashed) revert AlreadySlashed(headerA.feedId, publisher);
        if (!entry.revoked) emit PublisherRevoked(headerA.feedId, publisher);
        _emitEquivocation(headerA, publisher, digestA, digestB);
        reward = _slash(headerA.feedId, publisher, msg.sender);
    }

    // ---------------------------------------------------------------- checking

    /// @inheritdoc IFeedRegistry
    function verify(ObservationHeader calldata header, bytes calldata signature)
        external
        view
        returns (address publisher)
    {
        Feed storage feed = _feeds[header.feedId];
        if (feed.epoch == 0) revert FeedUnknown(header.feedId);
        _checkHeader(header, feed);
        uint256 bonded;
        (publisher, bonded) = _signer(header, signature);
        uint256 minBond = feed.minBond;
        if (bonded < minBond) revert BondTooLow(header.feedId, publisher, minBond, bonded);
    }

    /// @inheritdoc IFeedRegistry
    function recheck(ObservationHeader calldata header, bytes calldata signature)
        external
        view
        returns (address publisher)
    {
        (publisher,) = _signer(header, signature);
    }

    /// @inheritdoc IFeedRegistry
    function digestOf(ObservationHeader calldata header) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(HEADER_TYPEHASH, header)));
    }

    /// @inheritdoc IFeedRegistry
    function feedIdOf(address owner, bytes32 schemaHash, uint32 length, uint64 period, uint96 minBond, bytes32 salt)
        public
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(owner, schemaHash, length, period, minBond, salt));
    }

    /// @inheritdoc IFeedRegistry
    function feedOf(bytes32 feedId) public view returns (Feed memory feed) {
        feed = _feeds[feedId];
        if (feed.epoch == 0) revert FeedUnknown(feedId);
    }

    /// @inheritdoc IFeedRegistry
    function schemaField(bytes32 feedId) external view returns (uint256) {
        return uint256(feedOf(feedId).schemaHash) >> 8;
    }

    /// @inheritdoc IFeedRegistry
    function isPublisher(bytes32 feedId, uint32 epoch, address publisher) external view returns (bool) {
        return _members[feedId][epoch][publisher] && !_bonds[feedId][publisher].revoked;
    }

    /// @inheritdoc IFeedRegistry
    function domainSeparator() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    // --------------------------------------------------------------- internals

    /// @dev The feed, if it is the caller's.
    function _owned(bytes32 feedId) private view returns (Feed storage feed) {
        feed = _feeds[feedId];
        if (feed.epoch == 0) revert FeedUnknown(feedId);
        if (msg.sender != feed.owner) revert NotFeedOwner(feed.owner, msg.sender);
    }

    function _startSet(bytes32 feedId, uint32 epoch, address[] calldata publishers) private {
        if (publishers.length == 0 || publishers.length > MAX_PUBLISHERS) {
            revert BadFeed("publishers", publishers.length);
        }
        for (uint256 i = 0; i < publishers.length; ++i) {
            address publisher = publishers[i];
            if (publisher == address(0)) revert BadFeed("publisher", i);
            if (_members[feedId][epoch][publisher]) revert DuplicatePublisher(publisher);
            _members[feedId][epoch][publisher] = true;
        }
    }

    function _checkHeader(ObservationHeader calldata header, Feed storage feed) private view {
        uint32 current = feed.epoch;
        if (header.setEpoch != current) {
            bool overlaps = uint256(header.setEpoch) + 1 == current && header.setEpoch != 0
                && header.observedAt <= feed.previousUntil;
            if (!overlaps) revert EpochNotAccepted(header.feedId, current, header.setEpoch);
        }
        uint256 expected = uint256(header.seq) * feed.period;
        if (header.observedAt != expected) revert ObservedAtMismatch(expected, header.observedAt);
        uint256 latest = block.timestamp + MAX_SKEW;
        if (header.observedAt > latest) revert ObservedInFuture(latest, header.observedAt);
        if (header.validUntil < header.observedAt) {
            revert ValidityBeforeObservation(header.observedAt, header.validUntil);
        }
        if (header.commitment >= Words.R) revert CommitmentNotInField(header.commitment);
    }

    function _twoOfOneSlot(ObservationHeader calldata headerA, ObservationHeader calldata headerB)
        private
        view
        returns (bytes32 digestA, bytes32 digestB)
    {
        if (headerB.feedId != headerA.feedId) revert NotOneSlot("feedId");
        if (headerB.setEpoch != headerA.setEpoch) revert NotOneSlot("setEpoch");
        if (headerB.seq != headerA.seq) revert NotOneSlot("seq");
        (digestA, digestB) = (digestOf(headerA), digestOf(headerB));
        if (digestA == digestB) revert SameHeader(digestA);
    }

    function _checkWindow(ObservationHeader calldata header) private view {
        uint256 until = uint256(header.seq) * _feeds[header.feedId].period + EVIDENCE_WINDOW;
        if (block.timestamp > until) revert EvidenceTooOld(until, block.timestamp);
    }

    function _emitEquivocation(ObservationHeader calldata header, address publisher, bytes32 a, bytes32 b) private {
        emit EquivocationProved(header.feedId, publisher, header.setEpoch, header.seq, a, b, msg.sender);
    }

    /// @return publisher member of the header's set, not revoked
    /// @return bonded wei that count, from the slot that says whether it is revoked
    function _signer(ObservationHeader calldata header, bytes calldata signature)
        private
        view
        returns (address publisher, uint256 bonded)
    {
        publisher = _recover(digestOf(header), signature);
        _checkMember(header.feedId, header.setEpoch, publisher);
        Bond storage entry = _bonds[header.feedId][publisher];
        if (entry.revoked) revert PublisherIsRevoked(header.feedId, publisher);
        bonded = entry.bonded;
    }

    function _checkMember(bytes32 feedId, uint32 epoch, address publisher) private view {
        if (!_members[feedId][epoch][publisher]) revert NotPublisher(feedId, epoch, publisher);
    }

    function _recover(bytes32 digest, bytes calldata signature) private pure returns (address signer) {
        if (signature.length != 65) revert BadSignatureLength(65, signature.length);
        bytes32 r = bytes32(signature[0:32]);
        bytes32 s = bytes32(signature[32:64]);
        uint8 v = uint8(signature[64]);
        if (v != 27 && v != 28) revert BadSignatureV(v);
        if (uint256(s) > HALF_ORDER) revert BadSignatureS(s);
        signer = ecrecover(digest, v, r, s);
        if (signer == address(0)) revert BadSignature();
    }
}
