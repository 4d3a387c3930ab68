// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {IFeedRegistry} from "./interfaces/IFeedRegistry.sol";
import {Words} from "./libraries/Words.sol";

/// @title FeedRegistry
/// @notice See IFeedRegistry. No owner: each feed has its own.
contract FeedRegistry is IFeedRegistry, EIP712 {
    bytes32 private constant HEADER_TYPEHASH = keccak256(
        "ObservationHeader(bytes32 feedId,uint32 setEpoch,uint64 seq,uint256 commitment,uint64 observedAt,uint64 validUntil)"
    );
    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;
    uint256 private constant MAX_LENGTH = 1 << 16;

    /// @notice Most publishers in one set.
    uint256 public constant MAX_PUBLISHERS = 32;
    /// @inheritdoc IFeedRegistry
    uint64 public constant MAX_SKEW = 15;

    mapping(bytes32 feedId => Feed) private _feeds;
    /// @dev Last `observedAt` that the set before the current one is good for.
    mapping(bytes32 feedId => uint64) private _previousUntil;
    mapping(bytes32 feedId => mapping(uint32 epoch => mapping(address publisher => bool))) private _members;
    mapping(bytes32 feedId => mapping(address publisher => bool)) private _revoked;

    constructor() EIP712("Dodona FeedRegistry", "1") {}

    /// @inheritdoc IFeedRegistry
    function createFeed(bytes32 schemaHash, uint32 length, uint64 period, address[] calldata publishers, bytes32 salt)
        external
        returns (bytes32 feedId)
    {
        if (schemaHash == 0) revert BadFeed("schemaHash", 0);
        if (length == 0 || length > MAX_LENGTH) revert BadFeed("length", length);
        if (period == 0) revert BadFeed("period", 0);
        feedId = feedIdOf(msg.sender, schemaHash, length, period, salt);
        if (_feeds[feedId].epoch != 0) revert FeedExists(feedId);
        _feeds[feedId] = Feed({owner: msg.sender, length: length, period: period, epoch: 1, schemaHash: schemaHash});
        emit FeedCreated(feedId, msg.sender, schemaHash, length, period);
        _startSet(feedId, 1, publishers);
        emit PublisherSet(feedId, 1, publishers, 0);
    }

    /// @inheritdoc IFeedRegistry
    function rotate(bytes32 feedId, address[] calldata publishers, uint64 overlap) external returns (uint32 epoch) {
        _onlyOwner(feedId);
        epoch = ++_feeds[feedId].epoch;
        uint64 until = uint64(block.timestamp) + overlap;
        _previousUntil[feedId] = until;
        _startSet(feedId, epoch, publishers);
        emit PublisherSet(feedId, epoch, publishers, until);
    }

    /// @inheritdoc IFeedRegistry
    function revoke(bytes32 feedId, address publisher) external {
        _onlyOwner(feedId);
        _revoked[feedId][publisher] = true;
        emit PublisherRevoked(feedId, publisher);
    }

    /// @inheritdoc IFeedRegistry
    function verify(ObservationHeader calldata header, bytes calldata signature)
        external
        view
        returns (address publisher)
    {
        Feed storage feed = _feeds[header.feedId];
        if (feed.epoch == 0) revert FeedUnknown(header.feedId);
        _checkHeader(header, feed);
        publisher = _recover(digestOf(header), signature);
        if (!_members[header.feedId][header.setEpoch][publisher]) {
            revert NotPublisher(header.feedId, header.setEpoch, publisher);
        }
        if (_revoked[header.feedId][publisher]) revert PublisherIsRevoked(header.feedId, publisher);
    }

    /// @inheritdoc IFeedRegistry
    function digestOf(ObservationHeader calldata header) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(HEADER_TYPEHASH, header)));
    }

    /// @inheritdoc IFeedRegistry
    function feedIdOf(address owner, bytes32 schemaHash, uint32 length, uint64 period, bytes32 salt)
        public
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(owner, schemaHash, length, period, salt));
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
        return _members[feedId][epoch][publisher] && !_revoked[feedId][publisher];
    }

    /// @inheritdoc IFeedRegistry
    function domainSeparator() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    function _onlyOwner(bytes32 feedId) private view {
        address owner = feedOf(feedId).owner;
        if (msg.sender != owner) revert NotFeedOwner(owner, msg.sender);
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
                && header.observedAt <= _previousUntil[header.feedId];
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
